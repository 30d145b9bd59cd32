"""Rows that work out their fields, structs, typed nils, and how each prints."""

from __future__ import annotations

import pytest

from pallet.errors import TemplateError
from pallet.gotemplate import GoInt, GoMap, GoNil, GoSlice, GoStruct, parse


class Row:
    """A row as `docker image ls` gives it to a template: fields are methods there."""

    __go_type__ = "*formatter.imageContext"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __go_field__(self, name: str) -> object:
        self.asked.append(name)
        return {"ID": "191b15fd9bd7", "Repository": "debian", "Size": "199MB", "Twice": lambda text: text * 2}[name]

    def __go_json__(self) -> object:
        return {"Repository": "debian", "ID": "191b15fd9bd7", "Digest": "<none>"}


def _error(text: str, value: object, missing_key: str = "default") -> str:
    with pytest.raises(TemplateError) as caught:
        parse(text).execute(value, missing_key=missing_key)
    return caught.value.message


def test_only_the_fields_a_template_names_are_worked_out() -> None:
    row = Row()
    assert parse("{{.Repository}}:{{.Size}}").execute(row) == "debian:199MB"
    assert row.asked == ["Repository", "Size"]


# The errors are those of `docker image ls --format`.
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{{.ID}} {{.Foo}}",
            'template: :1:10: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.imageContext',
        ),
        ("{{.ID.X}}", 'template: :1:5: executing "" at <.ID.X>: can\'t evaluate field X in type string'),
        ("{{.ID 1}}", 'template: :1:2: executing "" at <.ID>: wrong number of args for ID: want 0 got 1'),
    ],
)
def test_row_errors(text: str, message: str) -> None:
    assert _error(text, Row()) == message


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ('{{printf "%T" .}}', "*formatter.imageContext"),
        ('{{.Size | printf "%10s"}}', "     199MB"),
        ("{{json .ID}}", '"191b15fd9bd7"'),
        # A row marshals itself: keys sorted, and < > escaped, which json leaves alone elsewhere.
        ("{{json .}}", '{"Digest":"\\u003cnone\\u003e","ID":"191b15fd9bd7","Repository":"debian"}'),
        ('{{.Twice "ab"}}{{"c" | .Twice}}', "ababcc"),
    ],
)
def test_row_output(text: str, output: str) -> None:
    assert parse(text).execute(Row()) == output


@pytest.mark.parametrize(
    ("value", "plain", "plus", "sharp"),
    [
        ([], "[]", "[]", "[]interface {}{}"),
        (["a", 1, None], "[a 1 <nil>]", "[a 1 <nil>]", '[]interface {}{"a", 1, interface {}(nil)}'),
        ({"b": 1, "a": [2]}, "map[a:[2] b:1]", "map[a:[2] b:1]", None),
        (GoSlice(["x"]), "[x]", "[x]", '[]string{"x"}'),
        (GoMap({"k": "v"}), "map[k:v]", "map[k:v]", 'map[string]string{"k":"v"}'),
        (GoNil("[]string"), "[]", "[]", "[]string(nil)"),
        (GoNil("nat.PortSet", "map"), "map[]", "map[]", "nat.PortSet(nil)"),
        (GoNil("*int"), "<nil>", "<nil>", "(*int)(nil)"),
        (GoInt(7, "uint8"), "7", "7", "0x7"),
        (1.0, "1", "1", "1"),
        (float("inf"), "+Inf", "+Inf", "+Inf"),
        (float("nan"), "NaN", "NaN", "NaN"),
        (GoStruct("t.P", {"X": 1, "Y": "a"}), "{1 a}", "{X:1 Y:a}", 't.P{X:1, Y:"a"}'),
        (GoStruct("t.P", {"X": 1}, pointer=True), "&{1}", "&{X:1}", "&t.P{X:1}"),
    ],
)
def test_printing(value: object, plain: str, plus: str, sharp: str | None) -> None:
    template = parse('{{printf "%v" .}}~{{printf "%+v" .}}~{{printf "%#v" .}}')
    got = template.execute(value).split("~")
    assert got[:2] == [plain, plus]
    assert sharp is None or got[2] == sharp


def test_an_action_follows_a_pointer() -> None:
    assert parse("{{.}}").execute(GoStruct("t.P", {"X": 1}, pointer=True)) == "{1}"


def test_struct_errors_name_the_type() -> None:
    struct = GoStruct("types.RootFS", {"Type": "layers"})
    assert _error("{{.Foo}}", struct).endswith("can't evaluate field Foo in type types.RootFS")
    assert _error("{{.Type 1}}", struct).endswith("Type has arguments but cannot be invoked as function")
    assert _error("{{.N.X}}", GoStruct("t.T", {"N": GoNil("*t.N")})).endswith("nil pointer evaluating *t.N.X")


def test_struct_json_follows_tags() -> None:
    tags = {"ID": "Id", "Variant": "Variant,omitempty", "Secret": "-", "Os": ",omitempty"}
    struct = GoStruct(
        "t.T", {"ID": "a<b", "Variant": "", "Secret": 1, "Os": "linux", "Env": GoNil("[]string")}, tags=tags
    )
    assert parse("{{json .}}").execute(struct) == '{"Id":"a<b","Os":"linux","Env":null}'


@pytest.mark.parametrize(
    ("missing_key", "outputs"),
    [("default", ["<no value>", "<no value>"]), ("zero", ["", "<no value>"])],
)
def test_missing_keys(missing_key: str, outputs: list[str]) -> None:
    value = {"typed": GoMap({}), "plain": {}}
    got = [parse(f"{{{{.{name}.x}}}}").execute(value, missing_key=missing_key) for name in value]
    assert got == outputs


def test_missing_keys_as_errors() -> None:
    assert _error("{{.a}}", {}, "error") == 'template: :1:2: executing "" at <.a>: map has no entry for key "a"'
    assert _error("{{.a.b}}", None, "error").endswith('nil data; no entry for key "a"')
    assert _error("{{.a.b}}", {"a": None}, "error").endswith("nil pointer evaluating interface {}.b")


def test_names_in_errors() -> None:
    with pytest.raises(TemplateError) as parsing:
        parse("\n{{", name="format")
    assert parsing.value.message == "template: format:2: unclosed action"
    with pytest.raises(TemplateError) as running:
        parse("{{.a}}", name="format").execute({}, missing_key="error")
    assert running.value.message.startswith('template: format:1:2: executing "format" at <.a>:')


def test_one_template_many_rows() -> None:
    template = parse("{{$x := .}}{{range $i, $e := .}}{{$i}}{{$e}}{{end}}")
    assert [template.execute(row) for row in (["a"], [], ["b", "c"])] == ["0a", "", "0b1c"]


def test_a_plain_list_of_strings_joins() -> None:
    """More than docker, whose raw JSON lists do not: pallet's callers may pass plain data."""
    assert parse('{{join .Env ","}}').execute({"Env": ["A=1", "B=2"]}) == "A=1,B=2"
    assert parse('{{join .Env ","}}').execute({"Env": None}) == ""
    assert _error('{{join .Env ","}}', {"Env": [1]}).endswith("expected []string; got []interface {}")


_CHECK = GoStruct(
    "container.HealthConfig",
    {
        "Test": GoSlice(["CMD-SHELL", "true"]),
        "Interval": GoInt(3_630_000_000_000, "time.Duration"),
        "Timeout": GoInt(1_500_000_000, "time.Duration"),
        "StartPeriod": GoInt(120_000_000_000, "time.Duration"),
        "Retries": 3,
    },
    pointer=True,
)
_PORTS = GoMap({name: GoStruct("struct {}", {}) for name in ("80/tcp", "53/udp")}, "nat.PortSet")


# What docker 20.10.24 printed for an image with this health check and these ports.
@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("{{.Check}}", "{[CMD-SHELL true] 1h0m30s 1.5s 2m0s 3}"),
        ('{{printf "%v|%s|%d" .Check.Interval .Check.Timeout .Check.Timeout}}', "1h0m30s|1.5s|1500000000"),
        ('{{printf "%x|%q|%8s|%t" .D .D .D .D}}', '312e3573|"1.5s"|    1.5s|%!t(time.Duration=1500000000)'),
        ("{{.Check.Interval.Seconds}}", "3630"),
        (
            "{{json .Check}}",
            '{"Test":["CMD-SHELL","true"],"Interval":3630000000000,"Timeout":1500000000,'
            '"StartPeriod":120000000000,"Retries":3}',
        ),
        (
            '{{printf "%#v" .Check}}',
            '&container.HealthConfig{Test:[]string{"CMD-SHELL", "true"}, Interval:3630000000000, '
            "Timeout:1500000000, StartPeriod:120000000000, Retries:3}",
        ),
        ("{{.Ports}} {{json .Ports}} {{len .Ports}}", 'map[53/udp:{} 80/tcp:{}] {"53/udp":{},"80/tcp":{}} 2'),
        ('{{printf "%#v" .Ports}}', 'nat.PortSet{"53/udp":struct {}{}, "80/tcp":struct {}{}}'),
        ("{{range $k, $v := .Ports}}{{$k}} {{$v}};{{end}}", "53/udp {};80/tcp {};"),
        ("{{print .Check.Interval 1 `a`}} {{eq .Check.Interval 5}}", "1h0m30s 1a false"),
    ],
)
def test_durations_and_ports(text: str, output: str) -> None:
    assert parse(text).execute({"Check": _CHECK, "Ports": _PORTS, "D": _CHECK["Timeout"]}) == output


def test_ports_are_no_map_of_strings() -> None:
    """So docker runs these on the raw JSON instead, where they are one."""
    assert _error('{{index . "80/tcp"}}', _PORTS).endswith("value has type string; should be nat.Port")
    assert _error("{{.foo}}", _PORTS).endswith("can't evaluate field foo in type nat.PortSet")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (20_000_000, "20ms"),
        (-90 * 10**9, "-1m30s"),
        (1_000_000_001, "1.000000001s"),
    ],
)
def test_duration_text(nanoseconds: int, text: str) -> None:
    assert parse("{{.}}").execute(GoInt(nanoseconds, "time.Duration")) == text


def test_elements_of_json_lists_are_interfaces() -> None:
    assert _error("{{range .}}{{.Foo}}{{end}}", ["a"]).endswith("can't evaluate field Foo in type interface {}")
    assert _error("{{range .}}{{.Foo}}{{end}}", GoSlice(["a"])).endswith("can't evaluate field Foo in type string")
