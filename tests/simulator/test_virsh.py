"""libvirt's own ESX driver judges the simulator: the unmodified virsh."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest

from eventd.simulator import Pace, Question, SimulatorServer, VIFault, World, serve
from eventd.vi.names import escape_vi_name

if TYPE_CHECKING:
    from tests.peers.virsh_command import Outcome, Virsh

pytestmark = pytest.mark.virsh

FAST = Pace(
    queued=timedelta(milliseconds=1),
    running=timedelta(milliseconds=1),
    guest=timedelta(milliseconds=1),
)

Run = Callable[..., Awaitable["Outcome"]]


def make(**arguments: Any) -> World:
    """A world of now, in which nothing takes long."""
    return World(**{"now": datetime.now(UTC), "pace": FAST, **arguments})


def state(world: World, name: str = "web01") -> object:
    return world.read(name, "runtime.powerState")


def runner(virsh: Virsh, server: SimulatorServer, *, auto_answer: int = 0) -> Run:
    """Run virsh on a server."""
    uri = f"{server.uri}&auto_answer={auto_answer}"

    async def run(*command: str) -> Outcome:
        return await virsh(uri, *command)

    return run


# A vCenter's domains are listed by host: the URI names the first, which has every other domain.
@pytest.mark.parametrize(
    ("product", "hosts", "names"),
    [("esx", 1, ["app01", "db01", "mail01", "web01"]), ("vpx", 2, ["mail01", "web01"])],
)
async def test_the_domains_are_listed(
    virsh: Virsh, product: Any, hosts: int, names: list[str]
) -> None:
    """With their names and states, and their ids while they are on."""
    world = make(product=product, hosts=hosts)
    async with serve(world) as server:
        run = runner(virsh, server)
        world.power_on("web01", now=server.now())
        world.advance(server.now() + timedelta(seconds=1))
        listing = await run("list", "--all")
        on = await run("list", "--name")

    rows = [line.split() for line in listing.output.splitlines()[2:] if line]
    number = str(world.domain("web01").value).removeprefix("vm-")
    assert listing.errors == ""
    assert sorted(row[1] for row in rows) == names
    assert [number, "web01", "running"] in rows
    assert on.output.split() == ["web01"]


async def test_the_information_on_a_domain_is_told(virsh: Virsh) -> None:
    """Everything that libvirt asks for is there, in the type that it wants."""
    world = make(powered_on=True)
    async with serve(world) as server:
        run = runner(virsh, server)
        info = await run("dominfo", "web01")
        reason = await run("domstate", "--reason", "web01")
        node = await run("nodeinfo")
        xml = await run("dumpxml", "web01")
        version = await run("version")

    lines = dict(line.split(":", 1) for line in info.output.splitlines() if line)
    told = {key: value.strip() for key, value in lines.items()}
    assert info.errors == ""
    assert (told["Id"], told["State"], told["UUID"]) == (
        *("1", "running"),
        world.read("web01", "config.uuid"),
    )
    assert (told["CPU(s)"], told["Max memory"], told["Autostart"]) == ("1", "524288 KiB", "disable")
    assert reason.output.strip() == "running (unknown)"
    assert "Memory size:         67108864 KiB" in node.output
    assert "<name>web01</name>" in xml.output
    assert "ESX 8.0.2" in version.output


@pytest.mark.parametrize("product", ["esx", "vpx"])
async def test_a_domain_goes_through_all_its_states(virsh: Virsh, product: Any) -> None:
    """start, suspend, resume, reboot, shutdown, start, destroy."""
    world = make(product=product, domains=1)
    seen = []
    async with serve(world) as server:
        run = runner(virsh, server)
        for command in ("start", "suspend", "resume", "reboot"):
            outcome = await run(command, "web01")
            seen.append((outcome.status, state(world), outcome.errors))
        world.advance(server.now() + FAST.guest)
        shutdown = await run("shutdown", "web01")
        world.advance(server.now() + FAST.guest)
        after_shutdown = state(world)
        for command in ("start", "destroy"):
            outcome = await run(command, "web01")
            seen.append((outcome.status, state(world), outcome.errors))

    assert seen == [
        (0, "poweredOn", ""),
        (0, "suspended", ""),
        (0, "poweredOn", ""),
        (0, "poweredOn", ""),
        (0, "poweredOn", ""),
        (0, "poweredOff", ""),
    ]
    assert (shutdown.status, after_shutdown) == (0, "poweredOff")


@pytest.mark.parametrize("api_version", ["2.5", "4.1", "6.7", "9.1.0.0"])
async def test_hosts_of_all_ages_are_accepted(virsh: Virsh, api_version: str) -> None:
    """From the first that has a container view to the newest."""
    world = make(api_version=api_version)
    async with serve(world) as server:
        started = await runner(virsh, server)("start", "web01")

    assert (started.status, started.errors, state(world)) == (0, "", "poweredOn")


async def test_a_wrong_password_is_refused(virsh: Virsh) -> None:
    """libvirt passes on the host's sentence."""
    async with serve(make(), password="secret") as server:
        outcome = await virsh(server.uri, "list", password="wrong")

    assert outcome.status == 1
    assert "incorrect user name or password" in outcome.errors


async def test_a_failed_task_is_told(virsh: Virsh) -> None:
    """With the fault's type and sentence."""
    world = make()
    world.fail_next_task("web01", VIFault("GenericVmConfigFault", "simulated failure"))
    async with serve(world) as server:
        outcome = await runner(virsh, server)("start", "web01")

    assert outcome.status == 1
    assert "Could not start domain: GenericVmConfigFault - simulated failure" in outcome.errors


async def test_a_domain_can_be_undefined(virsh: Virsh) -> None:
    """It leaves the inventory."""
    world = make()
    async with serve(world) as server:
        outcome = await runner(virsh, server)("undefine", "web01")

    assert outcome.status == 0
    assert "web01" not in world.domains.names


async def test_odd_names_arrive_as_they_are(virsh: Virsh) -> None:
    """Markup is escaped, and the letters of all scripts pass."""
    world = make(domains=1)
    world.rename("web01", "a<b>&c 日本 ü", now=world.now)
    world.advance(world.now + timedelta(seconds=1))
    async with serve(world) as server:
        outcome = await runner(virsh, server)("list", "--all", "--name")

    assert outcome.output.strip() == "a<b>&c 日本 ü"


ODD_NAMES = ["a/b", "a\\b", "100%", "a%2fb", "a|b", 'a"b', "ü", "日本", "a+b&c=d#e"]


@pytest.mark.parametrize("product", ["esx", "vpx"])
@pytest.mark.parametrize("name", ODD_NAMES)
async def test_the_configuration_of_a_domain_with_an_odd_name_is_read(
    virsh: Virsh, name: str, product: Any
) -> None:
    """Found by what people type; name and description come from the file, whose path is odd too."""
    world = make(product=product, domains=0)
    world.create(escape_vi_name(name), now=world.now)
    world.advance(world.now + timedelta(seconds=1))
    world.reconfigure(escape_vi_name(name), annotation=f"{name} | {name}", now=world.now)
    world.advance(world.now + timedelta(seconds=1))
    async with serve(world) as server:
        outcome = await runner(virsh, server)("dumpxml", name)

    assert outcome.errors == ""
    xml = ElementTree.fromstring(outcome.output)
    assert xml.findtext("name") == name
    assert xml.findtext("description") == f"{name} | {name}"
    serial = xml.find("devices/serial[@type='file']/source")
    assert serial is not None
    assert serial.get("path") == f"[datastore1] {escape_vi_name(name)}/serial0.log"


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_domain_with_an_odd_name_can_be_defined(
    virsh: Virsh, name: str, tmp_path: Path
) -> None:
    """libvirt stores a file of its own making, and the host names the domain by it."""
    definition = tmp_path / "domain.xml"
    definition.write_text(
        f"<domain type='vmware'><name>{escape(name)}</name><memory unit='MiB'>512</memory>"
        "<os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'>"
        "<source file='[datastore1] disk/disk.vmdk'/><target dev='sda'/></disk>"
        "<controller type='scsi' index='0' model='lsilogic'/></devices></domain>"
    )
    world = make(domains=0)
    async with serve(world) as server:
        run = runner(virsh, server)
        defined = await run("define", str(definition))
        listing = await run("list", "--all", "--name")
        xml = await run("dumpxml", name)

    assert (defined.status, defined.errors) == (0, "")
    assert world.domains.names == [escape_vi_name(name)]
    assert listing.output.strip("\n") == name
    assert ElementTree.fromstring(xml.output).findtext("name") == name


async def test_the_path_of_a_datacenter_has_names_as_vi_spells_them(virsh: Virsh) -> None:
    """A slash in one is no end of it, neither in the URI nor where the file is asked for."""
    world = make(product="vpx", domains=1)
    world.objects.assign(world.inventory.datacenter, "name", "a%2fb")
    async with serve(world) as server:
        outcome = await virsh(server.uri.replace("Datacenter", "a%252fb"), "dumpxml", "web01")

    assert outcome.errors == ""
    assert "<name>web01</name>" in outcome.output
    assert "<vmware:datacenterpath>a%2fb</vmware:datacenterpath>" in outcome.output


async def test_libvirt_follows_no_events_of_a_host(virsh: Virsh) -> None:
    """Its driver has none, which is why there is eventd."""
    async with serve(make()) as server:
        outcome = await runner(virsh, server)("event", "--all")

    assert "virConnectDomainEventRegisterAny" in outcome.errors


# --- questions: libvirt, src/esx/README, "Automatic question handling"

PENDING = (
    "Pending question blocks virtual machine execution, question is "
    "'msg.serial.file.open:Serial port output file exists. Replace or append?', "
    "possible answers are 'Replace', 'Append', 'Cancel'"
)


def calls(server: SimulatorServer) -> list[str]:
    """The calls that changed something, in short."""
    short = {"PowerOnVM_Task": "power on", "CancelTask": "cancel"}
    told = []
    for call in server.service.calls:
        if call.method == "AnswerVM":
            answer = call.call.first("answerChoice")
            assert answer is not None
            told.append(f"answer {answer.text}")
        elif call.method in short:
            told.append(short[call.method])
    return told


@pytest.mark.parametrize(
    ("auto_answer", "cancelable", "status", "expected", "ends"),
    [
        (0, False, 1, ["power on"], ["running"]),
        (0, True, 1, ["power on", "cancel"], ["error"]),
        (1, False, 0, ["power on", "answer 1"], ["success"]),
        (1, True, 0, ["power on", "answer 1"], ["success"]),
    ],
)
async def test_a_question_blocks_a_start_or_is_answered(
    virsh: Virsh,
    auto_answer: int,
    cancelable: bool,
    status: int,
    expected: list[str],
    ends: list[str],
) -> None:
    """The default is chosen with auto_answer; without it, a task that can be is cancelled."""
    world = make()
    world.script_questions("web01", Question(when="queued"))
    if cancelable:
        world.make_tasks_cancelable("web01")
    async with serve(world) as server:
        outcome = await runner(virsh, server, auto_answer=auto_answer)("start", "web01")
        made = calls(server)

    tasks = world.objects.references(world.domain("web01"), "recentTask")
    left = [world.objects.read(task, "info.state") for task in tasks]
    assert (outcome.status, made) == (status, expected)
    assert (PENDING in outcome.errors) is (status == 1)
    assert left == (["queued"] if ends == ["running"] else ends)


@pytest.mark.parametrize(
    ("auto_answer", "expected", "error"),
    [(0, [], PENDING), (1, ["answer 1"], "Other tasks are pending for this domain")],
)
async def test_a_second_start_does_not_happen_while_the_first_is_blocked(
    virsh: Virsh, auto_answer: int, expected: list[str], error: str
) -> None:
    """With auto_answer the first one goes on; the second is refused all the same."""
    world = make()
    world.script_questions("web01", Question())
    async with serve(world) as server:
        world.power_on("web01", now=server.now())
        world.advance(server.now() + timedelta(seconds=1))
        outcome = await runner(virsh, server, auto_answer=auto_answer)("start", "web01")
        made = calls(server)
        world.advance(server.now() + timedelta(seconds=2))

    assert (outcome.status, made) == (1, expected)
    assert error in outcome.errors
    assert state(world) == ("poweredOn" if auto_answer else "poweredOff")


@pytest.mark.parametrize(
    ("auto_answer", "status", "expected"), [(0, 1, []), (1, 0, ["answer 1", "power on"])]
)
async def test_a_question_without_a_task_comes_before_the_start(
    virsh: Virsh, auto_answer: int, status: int, expected: list[str]
) -> None:
    """libvirt's code starts the domain after the answer, other than its README says."""
    world = make()
    async with serve(world) as server:
        world.ask("web01", Question(), now=server.now())
        outcome = await runner(virsh, server, auto_answer=auto_answer)("start", "web01")
        made = calls(server)

    assert (outcome.status, made) == (status, expected)


@pytest.mark.parametrize(("auto_answer", "hint"), [(0, ""), (1, ", but no default answer")])
@pytest.mark.parametrize("default_index", [None, 3])
async def test_a_question_without_a_default_is_never_answered(
    virsh: Virsh, auto_answer: int, hint: str, default_index: int | None
) -> None:
    """An index beyond the choices is none."""
    world = make()
    world.script_questions("web01", Question(when="queued", default_index=default_index))
    async with serve(world) as server:
        outcome = await runner(virsh, server, auto_answer=auto_answer)("start", "web01")
        made = calls(server)

    assert (outcome.status, made) == (1, ["power on"])
    assert PENDING + hint in outcome.errors


async def test_two_questions_are_both_answered(virsh: Virsh) -> None:
    """The second is there when the first has its answer."""
    world = make()
    world.script_questions(
        "web01", Question(when="queued"), Question(id="26", default_index=0, when="queued")
    )
    async with serve(world) as server:
        outcome = await runner(virsh, server, auto_answer=1)("start", "web01")
        made = calls(server)

    assert (outcome.status, made) == (0, ["power on", "answer 1", "answer 0"])


async def test_an_answer_that_is_refused_fails_the_start(virsh: Virsh) -> None:
    """Somebody else may have been faster."""
    world = make()
    world.script_questions("web01", Question(when="queued"))
    world.fail_next("AnswerVM", VIFault("InvalidArgument", "somebody else was faster"))
    async with serve(world) as server:
        outcome = await runner(virsh, server, auto_answer=1)("start", "web01")

    assert outcome.status == 1
    assert "call to 'AnswerVM'. Fault: ServerFaultCode - somebody else was faster" in outcome.errors


@pytest.mark.parametrize("auto_answer", [0, 1])
async def test_a_pending_task_without_a_question_is_in_the_way(
    virsh: Virsh, auto_answer: int
) -> None:
    """Whatever auto_answer says."""
    world = make(pace=Pace(running=timedelta(minutes=1)))
    async with serve(world) as server:
        world.power_on("web01", now=server.now())
        outcome = await runner(virsh, server, auto_answer=auto_answer)("start", "web01")

    assert outcome.status == 1
    assert "Other tasks are pending for this domain" in outcome.errors


async def test_a_late_question_is_seen_where_the_host_answers_now_and_then(virsh: Virsh) -> None:
    """libvirt looks for questions only between two answers; real hosts would let it hang."""
    world = make()
    world.script_questions("web01", Question(delay=timedelta(milliseconds=50)))
    async with serve(world, empty_update_interval=timedelta(milliseconds=20)) as server:
        outcome = await runner(virsh, server, auto_answer=1)("start", "web01")
        made = calls(server)

    assert (outcome.status, made) == (0, ["power on", "answer 1"])


async def test_a_session_that_was_lost_is_opened_again(virsh: Virsh) -> None:
    """The driver asks for its session before each call; an anonymous one is no fault."""
    world = make()
    async with serve(world) as server:
        world.observers.append(
            lambda: None if "web01" in world.domains.names else server.expire_sessions()
        )
        outcome = await runner(virsh, server)("undefine", "web01")
        logins = [call.method for call in server.service.calls].count("Login")

    assert (outcome.status, logins) == (0, 2)
