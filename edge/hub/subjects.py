"""Who was enrolled at another booth under the same number: a booth knows only its own.

A subject is the keyed hash of the number, alike at all booths that share `subject.key`. Where the person was
compared with the earlier record (`renewal` is `same`), all is well; else it may be two people under a number.
"""

from edge.hub.tables import LONGEST_NAME, Asked
from edge.messages import JournalEntry

ENROLLED = "enrolled"  # the table, and the outcome that counts: who was enrolled before is no second file
SAME = "same"
NAMED = 3  # of the earlier enrolments, in the sentence
OTHERS = "SELECT booth, enrolment FROM enrolled WHERE subject = ? AND booth <> ? ORDER BY booth, enrolment"
KEEP = "INSERT INTO enrolled VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


def number_used_elsewhere(db: Asked, booth: str, entry: JournalEntry) -> str | None:
    """Keep whom an `enrolment.sealed` enrolled; return what is to be looked at, None where nothing is.

    The caller holds `ENROLLED`: two collectors would not see each other's.
    """
    body = entry.body
    subject, enrolment = body.get("subject"), str(body["enrolment"])
    if body["outcome"] != ENROLLED or not isinstance(subject, str):
        return None
    if "\0" in subject or len(subject) > LONGEST_NAME:  # no booth of ours writes such a one
        return None
    rows = db.execute(OTHERS, (subject, booth)).fetchall()
    db.execute(KEEP, (subject, booth, enrolment))
    others = [f"{row['enrolment']} at {row['booth']}" for row in rows if row["enrolment"] != enrolment]
    if not others or body.get("renewal") == SAME:
        return None
    more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
    return (
        f"enrolment {enrolment} at {booth} has the identity number of {', '.join(others[:NAMED])}{more}, "
        "and no comparison of fingers said that it is one person: look whether it is"
    )
