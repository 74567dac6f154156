"""Another program that keeps a SQLite file locked: `hold_lock FILE SECONDS`; says so in a line."""

import sqlite3
import sys
import time

if __name__ == "__main__":
    db = sqlite3.connect(sys.argv[1], isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    print("locked", flush=True)
    time.sleep(float(sys.argv[2]))
    db.execute("COMMIT")
