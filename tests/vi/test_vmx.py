"""VMX files.

The texts were read by libvirt 9.0's own functions (``virsh domxml-from-native``); what a line may
be made of is VMware's (open-vm-tools, ``lib/dict/dictll.c``).
"""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventd.errors import InvalidArgument
from eventd.vi.names import escape_annotation, escape_display_name
from eventd.vi.vmx import MOST_BYTES, MOST_LINES, VMX

WEB01 = b"""\
#!/usr/bin/vmware
.encoding = "UTF-8"
config.version = "8"
displayName = "web01"

# the first disk
scsi0:0.fileName = "web01.vmdk"
"""


def refusal(content: bytes) -> str:
    """Return what is said of a file that is none."""
    with pytest.raises(InvalidArgument) as caught:
        VMX.parse(content)
    return caught.value.message


def value(line: str) -> str | None:
    """Return the value of ``key`` in a file of one line."""
    return VMX.parse(line.encode()).get("key")


# --- lines ----------------------------------------------------------------------------------------


def test_entries_are_read_in_the_order_of_the_file() -> None:
    """The first line of old files, comments and empty lines say nothing."""
    vmx = VMX.parse(WEB01)

    assert list(vmx.entries.items()) == [
        (".encoding", "UTF-8"),
        ("config.version", "8"),
        ("displayName", "web01"),
        ("scsi0:0.fileName", "web01.vmdk"),
    ]
    assert (vmx.display_name, vmx.annotation) == ("web01", None)


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_lines_end_as_on_any_system(end: bytes) -> None:
    """Files are carried from one to another; the last line may lack its end."""
    content = WEB01.replace(b"\n", end)

    assert VMX.parse(content) == VMX.parse(WEB01)
    assert VMX.parse(content.removesuffix(end)) == VMX.parse(WEB01)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('key = "a b"', "a b"),
        ('key="a"', "a"),
        ('\t key \t=\t "a" \t', "a"),
        ('key = "a" # why', "a"),
        ('key = "a # b"', "a # b"),
        ('key = " a "', " a "),
        ('key = ""', ""),
        ("key = TRUE", "TRUE"),
        ("key = 512 # MB", "512"),
        ("key =", ""),
        ("key = # nothing", ""),
        ("key = 'a'", "'a'"),
        ('key = a"b', 'a"b'),
        ('key = "a=b"', "a=b"),
        ('key = "C:\\VMs\\web01"', "C:\\VMs\\web01"),
        ('key = "a|22b%2f"', "a|22b%2f"),
        ('key = "a\N{LINE SEPARATOR}b\x0bc"', "a\N{LINE SEPARATOR}b\x0bc"),
        ('#key = "a"', None),
    ],
)
def test_a_value_is_read_as_it_stands(line: str, expected: str | None) -> None:
    """Quotation marks may be missing where there is no blank; nothing is unescaped."""
    assert value(line) == expected


@pytest.mark.parametrize("key", ["DISPLAYNAME", "displayname", "displayName"])
def test_the_case_of_a_key_means_nothing(key: str) -> None:
    """It is kept all the same."""
    vmx = VMX.parse(f'{key} = "web01"'.encode())

    assert vmx.get("displayName") == vmx.display_name == "web01"
    assert list(vmx.entries) == [key]


def test_of_a_key_that_occurs_twice_the_first_counts() -> None:
    """As for libvirt, whatever the case; VMware's products start no such domain."""
    vmx = VMX.parse(b'displayName = "web01"\nDisplayName = "web02"\n')

    assert dict(vmx.entries) == {"displayName": "web01"}


def test_an_empty_file_has_no_entries() -> None:
    """A host may just have created it."""
    assert not VMX.parse(b"").entries
    assert not VMX.parse(b" \n\t# nothing\r\n").entries


def test_the_entries_are_not_shown_by_chance() -> None:
    """They may hold passwords."""
    assert repr(VMX.parse(b'a = "hunter2"')) == "VMX()"


# --- no entries -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('annotation = "half of hunter2', 'line 2: expected annotation = "value"'),
        ('scsi0:0.key = "a" hunter2', 'line 2: expected scsi0:0.key = "value"'),
        ("key = hunter 2", 'line 2: expected key = "value"'),
        ('key = """hunter2"""', 'line 2: expected key = "value"'),
        ('the other half: hunter2"', 'line 2: expected key = "value"'),
        ("hunter2", 'line 2: expected key = "value"'),
        ('hunter 2 = "a"', 'line 2: expected key = "value"'),
        ('= "hunter2"', 'line 2: expected key = "value"'),
        ('"hunter2" = "a"', 'line 2: expected key = "value"'),
        (f'{"k" * 81} = "hunter2', 'line 2: expected key = "value"'),
        ("<html>", 'line 2: expected key = "value"'),
    ],
)
def test_a_line_that_is_no_entry_is_named_by_number_and_key(line: str, sentence: str) -> None:
    """Its value is not told: the file may hold passwords."""
    assert refusal(f'a = "b"\r\n{line}\r\nc = "d"'.encode()) == sentence


@pytest.mark.parametrize("line", [b"\0", b'key = "a\0b"', b"# \0"])
def test_a_nul_byte_is_refused(line: bytes) -> None:
    """A file system that lost the end of a file puts them there; libvirt would stop reading."""
    assert refusal(b"\n\n" + line) == "line 3: expected text, which has no NUL bytes"


def test_a_file_that_is_too_long_is_not_read() -> None:
    """Somebody may have put anything in its place."""
    line = b'key%07d = "%s"\n' % (1, b"x" * 1000)
    content = line * (MOST_BYTES // len(line) + 1)

    assert refusal(content) == (
        f"line {MOST_BYTES // len(line) + 1}: expected the end of the file after at most "
        f"2097152 bytes"
    )
    assert VMX.parse(content[:MOST_BYTES].rpartition(b"\n")[0]).entries


def test_a_file_with_too_many_lines_is_not_read() -> None:
    """To read them all would keep everybody else waiting."""
    content = b"a = b\n" * MOST_LINES

    assert VMX.parse(content).entries == {"a": "b"}
    assert refusal(content + b"a") == (
        "line 10001: expected the end of the file after at most 10000 lines"
    )


# --- encodings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("windows-1252", "cp1252"),
        ("ISO-8859-1", "iso8859-1"),
        ("IBM850", "cp850"),
        ("macintosh", "mac-roman"),
    ],
)
def test_a_file_is_read_in_the_encoding_that_it_names(encoding: str, codec: str) -> None:
    """Its own entry says which, wherever it stands; the names are those of ICU."""
    content = f'displayName = "ü"\n.Encoding = "{encoding}"\n'.encode(codec)

    assert VMX.parse(content).display_name == "ü"


@pytest.mark.parametrize(
    ("encoding", "codec", "text"),
    [
        ("Shift_JIS", "cp932", "日本 表 ①"),
        ("windows-932", "cp932", "日本"),
        ("EUC-JP", "euc_jp", "日本"),
        ("GBK", "gbk", "中文 镕"),
        ("GB2312", "gbk", "中文 镕"),
        ("gb18030", "gb18030", "中文 😀"),
        ("windows-936", "gbk", "中文"),
        ("Big5", "big5", "功能"),
        ("windows-949", "cp949", "한국 똠"),
        ("EUC-KR", "euc_kr", "한국"),
        ("windows-1251", "cp1251", "Сервер"),
    ],
)
def test_a_file_may_be_in_the_encoding_of_any_country(encoding: str, codec: str, text: str) -> None:
    """Second bytes of a letter may be those of a backslash or a pipe."""
    content = f'.encoding = "{encoding}" # of the host\r\nguestinfo.text = "{text}"\r\n'

    assert VMX.parse(content.encode(codec)).get("guestinfo.text") == text


def test_a_file_that_names_no_encoding_is_in_utf8() -> None:
    """As for libvirt."""
    assert VMX.parse('displayName = "日本"'.encode()).display_name == "日本"
    assert VMX.parse('.encoding = ""\ndisplayName = "ü"'.encode()).display_name == "ü"


def test_a_byte_order_mark_tells_that_it_is_utf8() -> None:
    """Editors put it there, and leave the entry as it was."""
    content = '.encoding = "windows-1252"\ndisplayName = "ü"'.encode("utf-8-sig")

    vmx = VMX.parse(content)

    assert list(vmx.entries.items()) == [(".encoding", "windows-1252"), ("displayName", "ü")]


@pytest.mark.parametrize(
    "encoding",
    ["klingon", "UTF-16", "UTF-7", "rot13", "zlib", "punycode", "unicode_escape", "mbcs", "a,b"],
)
def test_an_unknown_encoding_is_named(encoding: str) -> None:
    """So is one without ASCII, in which the entry could not have been found."""
    assert refusal(f'\n.encoding = "{encoding}"\n'.encode()) == (
        f"line 2: expected a known encoding that has ASCII in it, not '{encoding}'"
    )


def test_the_name_of_an_unknown_encoding_is_told_in_part_only() -> None:
    """It may be anything."""
    assert refusal(b'.encoding = "%s"' % (b"x" * 1000)) == (
        f"line 1: expected a known encoding that has ASCII in it, not '{'x' * 40}'"
    )


@pytest.mark.parametrize(
    ("encoding", "name"), [("UTF-8", "utf-8"), ("GBK", "gbk"), ("US-ASCII", "ascii")]
)
def test_a_byte_that_the_encoding_has_not_is_named(encoding: str, name: str) -> None:
    """To guess would be to change what somebody wrote."""
    assert refusal(b'.encoding = "%s"\nkey = "\xff"' % encoding.encode()) == (
        f"line 2: expected text in {name}, which byte 8 is not"
    )


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "display_name", "annotation"),
    [
        ("a%2fb", "a/b", "a%2fb"),
        ("100%25", "100%", "100%25"),
        ("a|7cb", "a|b", "a|b"),
        ("a|22b", 'a"b', 'a"b'),
        ("a|2522b", "a%22b", "a%22b"),
        ("a|7C22", "a|22", "a|22"),
        ("a%7c22b", 'a"b', "a%7c22b"),
        ("ü", "ü", "ü"),
        ("two|0Alines", "two\nlines", "two\nlines"),
        ("", "", ""),
    ],
)
def test_name_and_annotation_are_decoded(raw: str, display_name: str, annotation: str) -> None:
    """Each in its own way; the entry stays as it is."""
    vmx = VMX.parse(f'displayName = "{raw}"\nannotation = "{raw}"'.encode())

    assert (vmx.display_name, vmx.annotation) == (display_name, annotation)
    assert vmx.get("displayName") == vmx.get("annotation") == raw


@pytest.mark.parametrize("raw", ["a|", "a|2", "a|zz", "|ff"])
def test_a_text_that_cannot_be_decoded_stays_as_it_is(raw: str) -> None:
    """One odd text does not cost the rest; libvirt refuses the file."""
    vmx = VMX.parse(f'displayName = "{raw}"\nannotation = "{raw}"'.encode())

    assert vmx.display_name == vmx.annotation == raw


def test_a_percent_sign_is_odd_in_a_name_alone() -> None:
    """An annotation has it as it is."""
    vmx = VMX.parse(b'displayName = "a%zz"\nannotation = "a%zz"')

    assert vmx.display_name == vmx.annotation == "a%zz"


# --- writing --------------------------------------------------------------------------------------

keys = st.from_regex(r"[A-Za-z.][A-Za-z0-9_:.-]*", fullmatch=True).filter(
    lambda key: key.lower() != ".encoding"
)
values = st.text(st.characters(codec="utf-8", exclude_characters='"\r\n\0'))
files = st.lists(st.tuples(keys, values), unique_by=lambda entry: entry[0].lower()).map(dict)


@given(files)
@example({"a": "b # c", "A.b": "", ".c:d-e": "|7c%"})
def test_what_is_written_is_read_again(entries: dict[str, str]) -> None:
    """Key by key, in the same order."""
    assert list(VMX.parse(str(VMX(entries)).encode()).entries.items()) == list(entries.items())


@given(st.text().filter(lambda text: "\0" not in text))
def test_a_name_and_an_annotation_arrive_as_they_are(text: str) -> None:
    """Written as libvirt writes them, who leaves the ends of lines to others."""
    text = text.replace("\r", "").replace("\n", "")
    entries = {"displayName": escape_display_name(text), "annotation": escape_annotation(text)}

    vmx = VMX.parse(str(VMX(entries)).encode())

    assert vmx.display_name == vmx.annotation == text


@pytest.mark.parametrize("key", ["", "a b", "a=b", "#a", 'a"', "a\n", "a\0", "\ufeffa"])
def test_a_key_that_no_line_can_carry_is_not_written(key: str) -> None:
    """It would be read as something else."""
    with pytest.raises(InvalidArgument, match="a key of a VMX file has no blank, line end"):
        str(VMX({key: "a"}))


@pytest.mark.parametrize("value", ['"', "a\nb", "a\rb", "\0"])
def test_a_value_that_no_line_can_carry_is_not_written(value: str) -> None:
    """Whoever knows the key knows how to escape it."""
    with pytest.raises(InvalidArgument) as caught:
        str(VMX({"annotation": value}))
    assert caught.value.message == (
        "the value of annotation has a quotation mark, line end or NUL in it"
    )


# --- anything -------------------------------------------------------------------------------------

odd_lines = st.lists(
    st.sampled_from(
        [
            *(
                b'.encoding = "Shift_JIS"',
                b'.encoding = "x"',
                b'displayName = "%7c',
                b"\xef\xbb\xbf",
            ),
            *(b'a = "b"', b"a = b", b"=", b'"', b"#", b"\0", b"\xff", b"\r", b" ", b"|", b"%"),
        ]
    )
    | st.binary(max_size=8)
)


@given(st.binary() | odd_lines.map(b"\n".join) | odd_lines.map(b"".join))
def test_any_bytes_are_entries_or_a_named_line(content: bytes) -> None:
    """Never another error, whoever wrote the file."""
    try:
        vmx = VMX.parse(content)
    except InvalidArgument as error:
        found = [error.message]
        assert re.fullmatch("line [0-9]+: expected .{,200}", error.message)  # noqa: PT017
    else:
        found = [vmx.display_name or "", vmx.annotation or "", *vmx.entries.values()]
    assert all(text.encode().decode() == text for text in found)
