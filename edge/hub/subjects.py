"""Who was enrolled at another booth under the same number: a booth knows only its own.

A subject is the keyed hash of the number, alike at all booths that share `subject.key`. All is well where the
person was compared with the record made at the other booth, by the station (`same_at`), or with one made at
this booth (`renews`, and `renewal` is `same`), whose number was looked at when it came. Else it may be two
people under a number: a record that somebody brings names none, and anybody has one of their own.
"""

from collections import Counter
from typing import Any

from edge.hub.tables import LONGEST_NAME, Asked
from edge.messages import JournalEntry

ENROLLED = "enrolled"  # the table, and the outcome that counts: who was enrolled before is no second file
SAME = "same"
NAMED = 3  # of the earlier enrolments, in the sentence
OF_NUMBER = "SELECT booth, enrolment FROM enrolled WHERE subject = ? ORDER BY booth, enrolment"
KEEP = "INSERT INTO enrolled VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
UNCOMPARED = "no comparison of fingers said that it is one person: look whether it is"
BROUGHT = (
    "the person was compared with a record that was brought, which names no number: look whether it is one "
    "person"
)


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
    rows = [
        (str(row["booth"]), str(row["enrolment"])) for row in db.execute(OF_NUMBER, (subject,)).fetchall()
    ]
    db.execute(KEEP, (subject, booth, enrolment))
    here = {name for where, name in rows if where == booth}
    others = [(where, name) for where, name in rows if where != booth and name != enrolment]
    same = body.get("renewal") == SAME
    if same and not here.isdisjoint(_words(body.get("renews"))):
        return None
    count = Counter(where for where, _ in others)
    settled = {
        where for where in _words(body.get("same_at")) if count[where] == 1
    }  # of several nobody knows which
    left = [f"{name} at {where}" for where, name in others if where not in settled]
    if not left:
        return None
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    return (
        f"enrolment {enrolment} at {booth} has the identity number of {', '.join(left[:NAMED])}{more}, "
        f"and {BROUGHT if same else UNCOMPARED}"
    )


def _words(said: Any) -> list[str]:
    return [word for word in said if isinstance(word, str)] if isinstance(said, list) else []
