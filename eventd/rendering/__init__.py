"""Events in words: a line for people, and what ``virsh event`` prints.

What hosts name things may hold anything, also what moves a terminal's cursor; a line for people
shows such characters instead of sending them, as do JSON and the lines of virsh. Where the lines
go is left to the caller.
"""

from eventd.rendering.causes import operation_words
from eventd.rendering.characters import printable, printable_cell, printable_json
from eventd.rendering.questions import asked, choice_words, question_text
from eventd.rendering.sentences import gap_sentence, sentence, status_sentence
from eventd.rendering.virsh import virsh_line

__all__ = [
    "asked",
    "choice_words",
    "gap_sentence",
    "operation_words",
    "printable",
    "printable_cell",
    "printable_json",
    "question_text",
    "sentence",
    "status_sentence",
    "virsh_line",
]
