"""Names and their escapings.

The vectors were read from libvirt 9.0's own functions (``src/vmx/vmx.c``, ``src/esx/esx_util.c``)
and from names that it defined on, and listed from, a host.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventd.errors import ErrorCode, InvalidArgument
from eventd.vi.names import (
    DatastorePath,
    domain_name,
    escape_annotation,
    escape_datastore_item,
    escape_display_name,
    escape_vi_name,
    unescape_annotation,
    unescape_display_name,
    unescape_vi_name,
)

WRITTEN = [
    # name, datastore item, displayName, annotation
    ("a/b", "a+JQ-2fb", "a%2fb", "a/b"),
    (r"a\b", "a+JQ-5cb", "a%5cb", r"a\b"),
    ("100%", "100+JQ-25", "100%25", "100%"),
    ("a%2fb", "a+JQ-252fb", "a%252fb", "a%2fb"),
    ("a|b", "a_b", "a|7cb", "a|7cb"),
    ('a"b', "a_b", "a|22b", "a|22b"),
    (r'q"/|\%', "q_+JQ-2f_+JQ-5c+JQ-25", "q|22%2f|7c%5c%25", r"q|22/|7c\%"),
    ("ü", "+w7w", "ü", "ü"),
    ("x-ü-y", "x-+w7w--y", "x-ü-y", "x-ü-y"),
    ("日本", "+5pel5pys", "日本", "日本"),
    ("😀", "+8J+YgA", "😀", "😀"),
    ("a+b", "a+Kw-b", "a+b", "a+b"),
    ("+", "+Kw", "+", "+"),
    ("-", "-", "-", "-"),
    ("~", "+fg", "~", "~"),
    ("~~", "+fn4", "~~", "~~"),
    ("~~~", "+fn5+", "~~~", "~~~"),
    ("~~~A", "+fn5+-A", "~~~A", "~~~A"),
    ("~~~-A", "+fn5+--A", "~~~-A", "~~~-A"),
    ("a~", "a+fg", "a~", "a~"),
    ("a~-", "a+fg--", "a~-", "a~-"),
    ('a:b*c?d<e>f|g"h', "a_b_c_d_e_f_g_h", "a:b*c?d<e>f|7cg|22h", "a:b*c?d<e>f|7cg|22h"),
    ("tab\there", "tab+CQ-here", "tab\there", "tab\there"),
    ("a=b;c&d", "a+PQ-b+Ow-c+Jg-d", "a=b;c&d", "a=b;c&d"),
    ("é~é", "+w6l+w6k", "é~é", "é~é"),
    ("A+7L-", "A+Kw-7L-", "A+7L-", "A+7L-"),
    ("#1", "+Iw-1", "#1", "#1"),
]

# Escaping works on bytes; a NUL would end a name on the way back.
names = st.text().filter(lambda name: "\0" not in name)
tricky_names = st.text(alphabet='%|"/\\2257cCf0aZ+-~ü日 \t')


@pytest.mark.parametrize(("name", "item", "display_name", "annotation"), WRITTEN)
class TestEachNameIsWritten:
    """The four places spell the same name in their own way."""

    def test_as_datastore_item(
        self, name: str, item: str, display_name: str, annotation: str
    ) -> None:
        """Windows' path characters, then percent, then Base64."""
        assert escape_datastore_item(name) == item

    def test_as_display_name_and_back(
        self, name: str, item: str, display_name: str, annotation: str
    ) -> None:
        """Pipe and percent."""
        assert escape_display_name(name) == display_name
        assert unescape_display_name(display_name) == name

    def test_as_annotation_and_back(
        self, name: str, item: str, display_name: str, annotation: str
    ) -> None:
        """Pipe alone."""
        assert escape_annotation(name) == annotation
        assert unescape_annotation(annotation) == name


@pytest.mark.parametrize(
    ("name", "raw"),
    [("db/01", "db%2f01"), (r"a\b", "a%5cb"), ("100%", "100%25"), ('a|"b', 'a|"b'), ("ü", "ü")],
)
def test_vi_name_is_written_with_percent_alone_and_read_back(name: str, raw: str) -> None:
    """``%``, ``/`` and a backslash become ``%xx`` in lower case; nothing else does."""
    assert escape_vi_name(name) == raw
    assert unescape_vi_name(raw) == name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("a%00b", "a"),
        ("a%c3%bcb", "aüb"),
        ("%25", "%"),
        ("a%2Fb", "a/b"),
        ("a%252fb", "a%2fb"),
        ("a|22b", "a|22b"),
        ("web01", "web01"),
    ],
)
def test_vi_name_is_read(raw: str, name: str) -> None:
    """Any ``%XX`` is unescaped once, in either case; an escaped NUL ends the name."""
    assert unescape_vi_name(raw) == name
    assert domain_name(raw) == name


@pytest.mark.parametrize("raw", ["a%", "a%2", "a%zz", "%%", "a% 41", "%\N{FULLWIDTH DIGIT TWO}0"])
def test_vi_name_with_an_invalid_sequence_is_refused_and_stays_raw_as_domain_name(raw: str) -> None:
    """Two hexadecimal digits must follow ``%``; one odd name must not hide other domains."""
    with pytest.raises(InvalidArgument, match="two hexadecimal digits must follow each '%'"):
        unescape_vi_name(raw)
    assert domain_name(raw) == raw


@pytest.mark.parametrize("raw", ["a%ff", "%c3", "ü%bc"])
def test_vi_name_that_is_not_utf8_is_refused_and_stays_raw_as_domain_name(raw: str) -> None:
    """Text cannot carry the bytes, so the raw name is the best that there is."""
    with pytest.raises(InvalidArgument, match="is not UTF-8 once it is unescaped"):
        unescape_vi_name(raw)
    assert domain_name(raw) == raw


def test_domain_name_of_which_nothing_is_left_stays_raw() -> None:
    """A domain needs a name that people can type."""
    assert unescape_vi_name("%00b") == ""
    assert domain_name("%00b") == "%00b"


@pytest.mark.parametrize(
    ("raw", "display_name", "annotation"),
    [
        ("a|22b", 'a"b', 'a"b'),
        ("a|2522b", "a%22b", "a%22b"),
        ("a|7C22", "a|22", "a|22"),
        ("a%7c22b", 'a"b', "a%7c22b"),
        ("a|00b", "a", "a"),
        ("a%00|zz", "a", None),
        ("a|", None, None),
        ("a|2", None, None),
        ("a|zz", None, None),
        ("a%zz", None, "a%zz"),
        ("%", None, "%"),
    ],
)
def test_vmx_strings_are_read(raw: str, display_name: str | None, annotation: str | None) -> None:
    """A displayName is read percent first and pipe second, an annotation pipe alone."""
    for unescape, expected in (
        (unescape_display_name, display_name),
        (unescape_annotation, annotation),
    ):
        if expected is None:
            with pytest.raises(InvalidArgument, match="two hexadecimal digits"):
                unescape(raw)
        else:
            assert unescape(raw) == expected


def test_datastore_item_uses_a_comma_where_base64_has_a_slash() -> None:
    """A slash would end the item's name."""
    assert escape_datastore_item("{ÿ") == "+e8O,"


@given(names | tricky_names)
def test_escaped_names_come_back_as_they_were(name: str) -> None:
    """All three reversible escapings have an inverse."""
    assert unescape_vi_name(escape_vi_name(name)) == name
    assert unescape_display_name(escape_display_name(name)) == name
    assert unescape_annotation(escape_annotation(name)) == name


@given(names | tricky_names)
def test_domain_name_is_the_inverse_of_escaping_for_every_name(name: str) -> None:
    """What a host escaped correctly is never left raw."""
    assert domain_name(escape_vi_name(name)) == name


@given(names | tricky_names)
def test_datastore_item_is_made_of_safe_characters_only(name: str) -> None:
    """An item is one part of a path on every file system that VMware knows."""
    item = escape_datastore_item(name)
    assert item.isascii()
    assert not set(item) & set('%/\\"*<>:|?')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ds] dir/file", DatastorePath("ds", "dir", "dir/file")),
        ("[ds] a/b/file.vmx", DatastorePath("ds", "a/b", "a/b/file.vmx")),
        ("[ds] file", DatastorePath("ds", "file", "file")),
        ("[ds] dir/", DatastorePath("ds", "dir", "dir/")),
        ("[ds]", DatastorePath("ds", "", "")),
        ("[my ds (1)]   file", DatastorePath("my ds (1)", "file", "file")),
        ("[a[b] c]d", DatastorePath("a[b", "c]d", "c]d")),
        ("[ds] two\nlines", DatastorePath("ds", "two\nlines", "two\nlines")),
    ],
)
def test_datastore_path_is_parsed(text: str, expected: DatastorePath) -> None:
    """Without a slash the directory is the whole path, as in libvirt."""
    assert DatastorePath.parse(text) == expected


@pytest.mark.parametrize("text", ["[] x", "dir/file", "", "[ds", " [ds] x"])
def test_datastore_path_of_another_form_is_refused_with_libvirts_words(text: str) -> None:
    """A datastore in brackets must come first; libvirt also takes it without its end."""
    with pytest.raises(InvalidArgument) as caught:
        DatastorePath.parse(text)
    assert caught.value.message == (
        f"Datastore path '{text}' doesn't have expected format '[<datastore>] <path>'"
    )
    assert caught.value.code == ErrorCode.INVALID_ARG
