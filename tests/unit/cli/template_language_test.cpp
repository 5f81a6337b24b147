// The template language, compared with what Go's text/template prints for the same data.
#include <gtest/gtest.h>

#include <random>

#include "cli/render/template/format.h"

namespace stack::text_template {
namespace {

const Json kObject = Json::parse(
    R"({"Name":"web","Count":3,"Empty":"","Null":null,"On":true,"List":["a","b","c"],"Map":{"x":"1","y":"2"},)"
    R"("Deep":{"In":{"Er":7}},"Rows":[{"K":"v"},{"K":"w"}]})");

std::string render(const std::string& text) {
  auto parsed = Template::parse(text);
  if (!parsed) return "! " + parsed.error().text();
  std::string out;
  auto rendered =
      parsed->render(Value(raw_type(), kObject).concrete(), out, {.missing_keys_are_errors = true});
  return rendered ? out : "! " + rendered.error().text();
}

struct Case {
  const char* text;
  const char* printed;
};

// clang-format off
constexpr Case kCases[] = {
    {R"~({{if .Null}}h{{else}}none{{end}})~", R"~(none)~"},
    {R"~({{with .Null}}{{.Status}}{{end}})~", R"~()~"},
    {R"~({{.Null}})~", R"~(<no value>)~"},
    {R"~({{.Null.Status}})~", R"~(! template: :1:7: executing "" at <.Null.Status>: nil pointer evaluating interface {}.Status)~"},
    {R"~({{json .Null}})~", R"~(null)~"},
    {R"~({{$x := 1}}{{$x}})~", R"~(1)~"},
    {R"~({{$x := 1}}{{$x = 2}}{{$x}})~", R"~(2)~"},
    {R"~({{and .On true}})~", R"~(true)~"},
    {R"~({{or "" .Name}})~", R"~(web)~"},
    {R"~({{or .Deep.Paused .Deep.Dead}})~", R"~(! template: :1:10: executing "" at <.Deep.Paused>: map has no entry for key "Paused")~"},
    {R"~({{not .On}})~", R"~(false)~"},
    {R"~({{.Name | printf "%s"}})~", R"~(web)~"},
    {R"~({{printf "%-20s|%5d|%v" .Name .Count .On | len | gt 10}})~", R"~(false)~"},
    {R"~({{printf "%q %x %T %t" .Name .Name .Deep .On}})~", R"~("web" 776562 map[string]interface {} true)~"},
    {R"~({{printf "%d" .Name}})~", R"~(%!d(string=web))~"},
    {R"~({{printf "%s"}})~", R"~(%!s(MISSING))~"},
    {R"~({{printf "%s" 1 2}})~", R"~(%!s(int=1)%!(EXTRA int=2))~"},
    {R"~({{printf "%05.2f|%e|%g|%v" 3.14159 1e10 1e21 1.5}})~", R"~(03.14|1.000000e+10|1e+21|1.5)~"},
    {R"~({{printf "%08b %o %X %U %c" 5 8 255 65 66}})~", R"~(00000101 10 FF U+0041 B)~"},
    {R"~({{slice .List 0 1}})~", R"~([a])~"},
    {R"~({{.List}})~", R"~([a b c])~"},
    {R"~({{json .Rows}})~", R"~([{"K":"v"},{"K":"w"}])~"},
    {R"~({{.Rows}})~", R"~([map[K:v] map[K:w]])~"},
    {R"~({{range .Rows}}{{.Type}}:{{.Destination}}{{end}})~", R"~(! template: :1:17: executing "" at <.Type>: map has no entry for key "Type")~"},
    {R"~({{range .Rows}}{{.}}{{end}})~", R"~(map[K:v]map[K:w])~"},
    {R"~({{(index .Rows 0).Destination}})~", R"~(! template: :1:15: executing "" at <0>: map has no entry for key "Destination")~"},
    {R"~({{(index .Rows 7).Destination}})~", R"~(! template: :1:3: executing "" at <index .Rows 7>: error calling index: index out of range: 7)~"},
    {R"~({{len .Rows}})~", R"~(2)~"},
    {R"~({{.Nope}})~", R"~(! template: :1:2: executing "" at <.Nope>: map has no entry for key "Nope")~"},
    {R"~({{.List}})~", R"~([a b c])~"},
    {R"~({{join .List ","}})~", R"~(! template: :1:7: executing "" at <.List>: wrong type for value; expected []string; got []interface {})~"},
    {R"~({{json .List}})~", R"~(["a","b","c"])~"},
    {R"~({{range .List}}{{println .}}{{end}})~", R"~(a
b
c
)~"},
    {R"~({{.Map}})~", R"~(map[x:1 y:2])~"},
    {R"~({{index .Map "a.b"}})~", R"~(<no value>)~"},
    {R"~({{.Map.x}})~", R"~(1)~"},
    {R"~({{.Map.nope}})~", R"~(! template: :1:6: executing "" at <.Map.nope>: map has no entry for key "nope")~"},
    {R"~({{index .Map "nope"}})~", R"~(<no value>)~"},
    {R"~({{range $k, $v := .Map}}{{$k}}={{$v}};{{end}})~", R"~(x=1;y=2;)~"},
    {R"~({{range $i, $v := .List}}{{$i}}:{{$v}} {{end}})~", R"~(0:a 1:b 2:c )~"},
    {R"~({{json .Map}})~", R"~({"x":"1","y":"2"})~"},
    {R"~({{.ID}})~", R"~(! template: :1:2: executing "" at <.ID>: map has no entry for key "ID")~"},
    {R"~({{.Deep.StartedAt}})~", R"~(! template: :1:7: executing "" at <.Deep.StartedAt>: map has no entry for key "StartedAt")~"},
    {R"~({{.Deep.In}})~", R"~(map[Er:7])~"},
    {R"~({{.Count}})~", R"~(3)~"},
    {R"~({{.Deep.ExitCode}})~", R"~(! template: :1:7: executing "" at <.Deep.ExitCode>: map has no entry for key "ExitCode")~"},
    {R"~({{json .Deep.ExitCode}})~", R"~(! template: :1:12: executing "" at <.Deep.ExitCode>: map has no entry for key "ExitCode")~"},
    {R"~({{println .Name}})~", R"~(web
)~"},
    {R"~({{print .Name 1 2 true "x"}})~", R"~(web1 2 truex)~"},
    {R"~({{print 1 2 3}})~", R"~(1 2 3)~"},
    {R"~({{println 1 "a" true}})~", R"~(1 a true
)~"},
    {R"~({{lt 1 2}})~", R"~(true)~"},
    {R"~({{eq 1 2 3 1}})~", R"~(true)~"},
    {R"~({{ne .Deep.ExitCode 0}})~", R"~(! template: :1:10: executing "" at <.Deep.ExitCode>: map has no entry for key "ExitCode")~"},
    {R"~({{ge .Deep.ExitCode 0}})~", R"~(! template: :1:10: executing "" at <.Deep.ExitCode>: map has no entry for key "ExitCode")~"},
    {R"~({{gt .Deep.ExitCode -1}})~", R"~(! template: :1:10: executing "" at <.Deep.ExitCode>: map has no entry for key "ExitCode")~"},
    {R"~({{eq .List .List}})~", R"~(! template: :1:2: executing "" at <eq .List .List>: error calling eq: non-comparable type [a b c]: []interface {})~"},
    {R"~({{if and .On (not .Deep.Paused)}}ok{{end}})~", R"~(! template: :1:23: executing "" at <.Deep.Paused>: map has no entry for key "Paused")~"},
    {R"~({{with .Nope}}x{{else}}y{{end}})~", R"~(! template: :1:7: executing "" at <.Nope>: map has no entry for key "Nope")~"},
    {R"~({{with $h := .Deep.In}}{{$h}}{{end}})~", R"~(map[Er:7])~"},
    {R"~({{with false}}a{{else with .Name}}{{.}}{{end}})~", R"~(web)~"},
    {R"~({{range .List}}x{{else}}none{{end}})~", R"~(xxx)~"},
    {R"~({{range 3}}{{.}}{{end}})~", R"~(012)~"},
    {R"~({{range $i := 3}}{{$i}},{{end}})~", R"~(0,1,2,)~"},
    {R"~({{range $i, $e := .List}}{{if $i}}, {{end}}{{$e}}{{end}})~", R"~(a, b, c)~"},
    {R"~({{range .List}}{{if eq . "A=1"}}{{continue}}{{end}}{{.}}{{break}}{{end}})~", R"~(a)~"},
    {R"~({{break}})~", R"~(! template: :1: {{break}} outside {{range}})~"},
    {R"~({{define "T"}}<{{.}}>{{end}}{{template "T" .Name}})~", R"~(<web>)~"},
    {R"~({{block "B" .Name}}[{{.}}]{{end}})~", R"~([web])~"},
    {R"~({{template "nope"}})~", R"~(! template: :1:11: executing "" at <{{template "nope"}}>: template "nope" not defined)~"},
    {R"~({{define "T"}}{{template "T" .}}{{end}}x)~", R"~(x)~"},
    {R"~({{/* comment */}}x)~", R"~(x)~"},
    {R"~({{- /* comment */ -}} x)~", R"~(x)~"},
    {R"~(a  {{- .Name -}}  b)~", R"~(awebb)~"},
    {R"~({{(.Deep).Status}})~", R"~(! template: :1:3: executing "" at <.Deep>: map has no entry for key "Status")~"},
    {R"~({{(index .List 0)}})~", R"~(a)~"},
    {R"~({{.Name | upper}})~", R"~(WEB)~"},
    {R"~({{.Name | lower | title}})~", R"~(Web)~"},
    {R"~({{title "hello world don't stop"}})~", R"~(Hello World Don'T Stop)~"},
    {R"~({{split .Name "/"}})~", R"~([web])~"},
    {R"~({{index (split "a,b,c" ",") 1}})~", R"~(b)~"},
    {R"~({{join (split "a b" " ") "-"}})~", R"~(a-b)~"},
    {R"~({{pad .Name 2 3}})~", R"~(  web   )~"},
    {R"~({{upper 1}})~", R"~(! template: :1:8: executing "" at <1>: expected string; found 1)~"},
    {R"~({{upper .Deep}})~", R"~(! template: :1:8: executing "" at <.Deep>: wrong type for value; expected string; got map[string]interface {})~"},
    {R"~({{html "<a href='x'>&\"</a>"}})~", R"~(&lt;a href=&#39;x&#39;&gt;&amp;&#34;&lt;/a&gt;)~"},
    {R"~({{js "a'b\"<>&=\n"}})~", R"~(a\'b\"\u003C\u003E\u0026\u003D\u000A)~"},
    {R"~({{urlquery "a b&c=ü"}})~", R"~(a+b%26c%3D%C3%BC)~"},
    {R"~({{len .Name}})~", R"~(3)~"},
    {R"~({{len 3}})~", R"~(! template: :1:2: executing "" at <len 3>: error calling len: len of type int)~"},
    {R"~({{len .Deep}})~", R"~(1)~"},
    {R"~({{index .Name 0}})~", R"~(119)~"},
    {R"~({{index .Name 1 2}})~", R"~(! template: :1:2: executing "" at <index .Name 1 2>: error calling index: can't index item of type uint8)~"},
    {R"~({{index .List "x"}})~", R"~(! template: :1:2: executing "" at <index .List "x">: error calling index: cannot index slice/array with type string)~"},
    {R"~({{call .Name}})~", R"~(! template: :1:2: executing "" at <call .Name>: error calling call: non-function .Name of type string)~"},
    {R"~({{'a'}} {{0x1f}} {{0b11}} {{0o17}} {{1_000}} {{1.5e3}} {{-3}} {{`raw`}} {{"a\tb"}} {{true}})~", R"~(97 31 3 15 1000 1500 -3 raw a	b true)~"},
    {R"~({{nil}})~", R"~(! template: :1:2: executing "" at <nil>: nil is not a command)~"},
    {R"~({{eq .Null nil}})~", R"~(true)~"},
    {R"~({{print nil}})~", R"~(<nil>)~"},
    {R"~({{1000000000000000000000}})~", R"~(! template: :1: integer overflow: "1000000000000000000000")~"},
    {R"~({{.Name.Foo}})~", R"~(! template: :1:7: executing "" at <.Name.Foo>: can't evaluate field Foo in type interface {})~"},
    {R"~({{.List.Foo}})~", R"~(! template: :1:7: executing "" at <.List.Foo>: can't evaluate field Foo in type interface {})~"},
    {R"~({{.Deep.Foo.Bar}})~", R"~(! template: :1:7: executing "" at <.Deep.Foo.Bar>: map has no entry for key "Foo")~"},
    {R"~({{$}}x)~", R"~(map[Count:3 Deep:map[In:map[Er:7]] Empty: List:[a b c] Map:map[x:1 y:2] Name:web Null:<nil> On:true Rows:[map[K:v] map[K:w]]]x)~"},
    {R"~({{$.Name}})~", R"~(web)~"},
    {R"~({{range .List}}{{$.Name}}{{end}})~", R"~(webwebweb)~"},
    {R"~({{$y}})~", R"~(! template: :1: undefined variable "$y")~"},
    {R"~({{foo .Name}})~", R"~(! template: :1: function "foo" not defined)~"},
    {R"~({{.Name)~", R"~(! template: :1: unclosed action)~"},
    {R"~({{if .Name}}x)~", R"~(! template: :1: unexpected EOF)~"},
    {R"~({{end}})~", R"~(! template: :1: unexpected {{end}})~"},
    {R"~({{else}})~", R"~(! template: :1: unexpected {{else}})~"},
    {R"~({{}})~", R"~(! template: :1: missing value for command)~"},
    {R"~({{.Name | "x"}})~", R"~(! template: :1: non executable command in pipeline stage 2)~"},
    {R"~({{"open}})~", R"~(! template: :1: unterminated quoted string)~"},
    {R"~({{(len .List}})~", R"~(! template: :1: unclosed left paren)~"},
    {R"~({{len .List)}})~", R"~(! template: :1: unexpected right paren)~"},
    {R"~({{.Name}}}})~", R"~(web}})~"},
    {R"~({{range}}x{{end}})~", R"~(! template: :1: missing value for range)~"},
    {R"~({{if}}x{{end}})~", R"~(! template: :1: missing value for if)~"},
    {R"~({{$x = 1}})~", R"~(! template: :1:7: executing "" at <1>: undefined variable: $x)~"},
    {R"~({{$x, $y := .List}})~", R"~(! template: :1: too many declarations in command)~"},
    {R"~({{range $a, $b, $c := .List}}{{end}})~", R"~(! template: :1: too many declarations in range)~"},
    {R"~({{1.2.3}})~", R"~(! template: :1: unexpected ".3" in operand)~"},
    {R"~({{"a".b}})~", R"~(! template: :1: unexpected . after term "\"a\"")~"},
    {R"~({{.Name x}})~", R"~(! template: :1: function "x" not defined)~"},
    {R"~({{.Name "x"}})~", R"~(! template: :1:2: executing "" at <.Name>: Name is not a method but has arguments)~"},
    {R"~({{.Deep "x"}})~", R"~(! template: :1:2: executing "" at <.Deep>: Deep is not a method but has arguments)~"},
    {R"~({{@}})~", R"~(! template: :1: unexpected "@" in command)~"},
    {R"~({{é}})~", R"~(! template: :1: function "é" not defined)~"},
    {R"~({{'ab'}})~", R"~(! template: :1: malformed character constant: 'ab')~"},
    {R"~({{"\z"}})~", R"~(! template: :1: invalid syntax)~"},
    {R"~({{/* x}})~", R"~(! template: :1: unclosed comment)~"},
    {R"~({{/* x */ y}})~", R"~(! template: :1: comment ends before closing delimiter)~"},
    {R"~({{template}})~", R"~(! template: :1: unexpected "}}" in template clause)~"},
    {R"~({{define "x"}})~", R"~(! template: :1: unexpected EOF)~"},
    {R"~({{define x}}{{end}})~", R"~(! template: :1: unexpected "x" in define clause)~"},
    {R"~({{with .Deep}}{{.Status}} {{.Pid | printf "%T"}}{{end}})~", R"~(! template: :1:16: executing "" at <.Status>: map has no entry for key "Status")~"},
    {R"~({{json .}})~", R"~({"Count":3,"Deep":{"In":{"Er":7}},"Empty":"","List":["a","b","c"],"Map":{"x":"1","y":"2"},"Name":"web","Null":null,"On":true,"Rows":[{"K":"v"},{"K":"w"}]})~"},
    {R"~({{json .On}} {{json .Name}} {{json 1.5}} {{json "a<b>&"}})~", R"~(true "web" 1.5 "a<b>&")~"},
    {R"~({{printf "%6.2f%%" 12.345}})~", R"~( 12.35%)~"},
    {R"~({{printf "%[2]s %[1]s" "a" "b"}})~", R"~(b a)~"},
    {R"~({{printf "%*d" 5 42}})~", R"~(   42)~"},
    {R"~({{printf "%t" "x"}})~", R"~(%!t(string=x))~"},
    {R"~({{printf "%!"}})~", R"~(%!!(MISSING))~"},
    {R"~({{printf "%s" nil}})~", R"~(%!s(<nil>))~"},
    {R"~({{printf "%v" .Null}})~", R"~(<nil>)~"},
    {R"~({{printf "%5t|%-5v|%05d|%+d|% d|%x" true 7 42 3 4 -255}})~", R"~( true|7    |00042|+3| 4|-ff)~"},
    {R"~({{printf "%10.3s|" .Name}})~", R"~(       web|)~"},
    {R"~({{range .Deep}}x{{end}})~", R"~(x)~"},
    {R"~({{range .Name}}x{{end}})~", R"~(! template: :1:8: executing "" at <.Name>: range can't iterate over web)~"},
    {R"~({{.Map | json}})~", R"~({"x":"1","y":"2"})~"},
    {R"~({{index . "Name"}})~", R"~(web)~"},
    {R"~({{(index . "State").Status}})~", R"~(! template: :1:11: executing "" at <"State">: nil data; no entry for key "Status")~"},
    {R"~({{index .Deep "Status"}})~", R"~(<no value>)~"},
    {R"~({{or}})~", R"~(! template: :1:2: executing "" at <or>: wrong number of args for or: want at least 1 got 0)~"},
    {R"~({{and 1 0}} {{and 1 2}} {{or 0 3}} {{or 0 ""}})~", R"~(0 2 3 )~"},
    {R"~({{not 1 2}})~", R"~(! template: :1:2: executing "" at <not>: wrong number of args for not: want 1 got 2)~"},
    {R"~({{and .Nope.X true}})~", R"~(! template: :1:11: executing "" at <.Nope.X>: map has no entry for key "Nope")~"},
    {R"~({{not}})~", R"~(! template: :1:2: executing "" at <not>: wrong number of args for not: want 1 got 0)~"},
    {R"~({{eq 1}})~", R"~(! template: :1:2: executing "" at <eq 1>: error calling eq: missing argument for comparison)~"},
    {R"~({{eq}})~", R"~(! template: :1:2: executing "" at <eq>: wrong number of args for eq: want at least 1 got 0)~"},
    {R"~(  {{.Name}}  )~", R"~(  web  )~"},
    {R"~({{.Name}}\t{{.Name}})~", R"~(web\tweb)~"},
    {R"~({{if .On -}}  up {{- else -}} down {{- end}})~", R"~(up)~"},
    {R"~({{.Deep.In.Er}} {{(.Deep).In}} {{json .Rows}})~", R"~(7 map[Er:7] [{"K":"v"},{"K":"w"}])~"},
    {R"~({{range .Rows}}{{.K}}{{end}} {{range $i, $r := .Rows}}{{$i}}={{$r.K}} {{end}})~", R"~(vw 0=v 1=w )~"},
    {R"~({{range $k, $v := .Map}}{{$k}}={{$v}},{{else}}none{{end}})~", R"~(x=1,y=2,)~"},
    {R"~({{with $x := .Name}}{{$x}}{{end}}{{with .Empty}}a{{else with .Name}}b{{else}}c{{end}})~", R"~(webb)~"},
    {R"~({{range $i, $v := .List}}{{if eq $i 1}}{{continue}}{{end}}{{$v}}{{end}})~", R"~(ac)~"},
    {R"~({{range .List}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}})~", R"~(a)~"},
    {R"~({{$n := 0}}{{range .List}}{{$n = len .}}{{end}}{{$n}})~", R"~(1)~"},
    {R"~({{printf "%v %+v %s %q %x" .Map .Map .List .List .Name}})~", R"~(map[x:1 y:2] map[x:1 y:2] [a b c] ["a" "b" "c"] 776562)~"},
    {R"~({{printf "%#v %#v" .Name .List}})~", R"~("web" []interface {}{"a", "b", "c"})~"},
    {R"~({{printf "%8.3f|%-8s|%08d|%+d|%x|%X|%o|%b|%c|%U|%e|%g" 3.14159 "ab" 42 7 255 255 8 5 65 65 12345.678 1e21}})~", R"~(   3.142|ab      |00000042|+7|ff|FF|10|101|A|U+0041|1.234568e+04|1e+21)~"},
    {R"~({{printf "%v %v %v %v" 1e6 1e20 1e-5 100000.0}})~", R"~(1e+06 1e+20 1e-05 100000)~"},
    {R"~({{printf "%6d|%-6d|%06d|% d" 42 42 -42 42}})~", R"~(    42|42    |-00042| 42)~"},
    {R"~({{printf "%q %+q %#q %c %q" "a\nb" "é" "raw" 'x' 'y'}})~", R"~("a\nb" "\u00e9" `raw` x 'y')~"},
    {R"~({{printf "%T %T %T %T %T" 1 1.5 "s" true .List}})~", R"~(int float64 string bool []interface {})~"},
    {R"~({{printf "%d %s" "x" 5}})~", R"~(%!d(string=x) %!s(int=5))~"},
    {R"~({{printf "%[3]v %[1]v %v" 1 2 3}} {{printf "%[9]d" 1}} {{printf "%.*f" 2 3.14159}})~", R"~(3 1 2 %!d(BADINDEX) 3.14)~"},
    {R"~({{printf "%5t|%v" true nil}})~", R"~( true|<nil>)~"},
    {R"~({{print 1 2 "a" "b" 3 4}} {{print "a" 1 2}})~", R"~(1 2ab3 4 a1 2)~"},
    {R"~({{html "<a b='c'>" 1}} {{js "it's \"<x>\" \t é"}} {{urlquery "a b/c?d=é&"}})~", R"~(&lt;a b=&#39;c&#39;&gt;1 it\'s \"\u003Cx\u003E\" \u0009 é a+b%2Fc%3Fd%3D%C3%A9%26)~"},
    {R"~({{slice .Name 1}} {{slice .Name 1 2}} {{slice .List 1}} {{slice .List}} {{slice .List 0 1 2}})~", R"~(eb e [b c] [a b c] [a])~"},
    {R"~({{slice .Name 2 1}})~", R"~(! template: :1:2: executing "" at <slice .Name 2 1>: error calling slice: invalid slice index: 2 > 1)~"},
    {R"~({{index .List 3}})~", R"~(! template: :1:2: executing "" at <index .List 3>: error calling index: reflect: slice index out of range)~"},
    {R"~({{index .List -1}})~", R"~(! template: :1:2: executing "" at <index .List -1>: error calling index: index out of range: -1)~"},
    {R"~({{index .Map "z"}}|{{index .Rows 1 "K"}})~", R"~(<no value>|w)~"},
    {R"~({{index .Count 1}})~", R"~(! template: :1:2: executing "" at <index .Count 1>: error calling index: reflect: string index out of range)~"},
    {R"~({{index nil 1}})~", R"~(! template: :1:2: executing "" at <index nil 1>: error calling index: index of untyped nil)~"},
    {R"~({{len .Map}} {{len .List}} {{len ""}} {{len nil}})~", R"~(! template: :1:40: executing "" at <len nil>: error calling len: reflect: call of reflect.Value.Type on zero Value)~"},
    {R"~({{eq 1 1}} {{eq "a" "b" "a"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "b" "a"}} {{ge 1.5 1.5}})~", R"~(true true true true true true true)~"},
    {R"~({{eq .Null nil}} {{eq .List nil}})~", R"~(true false)~"},
    {R"~({{eq .List .List}})~", R"~(! template: :1:2: executing "" at <eq .List .List>: error calling eq: non-comparable type [a b c]: []interface {})~"},
    {R"~({{lt .List 1}})~", R"~(! template: :1:2: executing "" at <lt .List 1>: error calling lt: invalid type for comparison)~"},
    {R"~({{lt true false}})~", R"~(! template: :1:2: executing "" at <lt true false>: error calling lt: invalid type for comparison)~"},
    {R"~({{and true 0 (index .List 9)}} {{or 1 (index .List 9)}} {{not ""}})~", R"~(0 1 true)~"},
    {R"~({{true | not}} {{"a" | printf "%s-%s" "b"}} {{.Name | len | printf "%03d"}})~", R"~(false b-a 003)~"},
    {R"~({{ "quoted" }} {{ `raw\n` }} {{ 'x' }} {{ 0x10 }} {{ 1e3 }} {{ 1_0 }} {{ -0x1 }} {{ .5 }})~", R"~(quoted raw\n 120 16 1000 10 -1 0.5)~"},
    {R"~({{- "trim" -}}   x   {{- /* c */ -}}   y)~", R"~(trimxy)~"},
    {R"~(a {{define "t"}}[{{.}}{{template "u" $}}]{{end}}{{define "u"}}({{.}}){{end}}{{template "t" .Name}} b)~", R"~(a [web(web)] b)~"},
    {R"~({{block "b" .List}}{{range .}}{{.}};{{end}}{{end}})~", R"~(a;b;c;)~"},
    {R"~({{define "a"}}1{{end}}{{define "a"}}2{{end}})~", R"~(! template: :1: template: multiple definition of template "a")~"},
    {R"~({{template "x" .}})~", R"~(! template: :1:11: executing "" at <{{template "x" .}}>: template "x" not defined)~"},
    {R"~({{if .Empty}}a{{else if .Null}}b{{else if .On}}c{{else}}d{{end}})~", R"~(c)~"},
    {R"~({{if .On}}{{else}}{{else}}{{end}})~", R"~(! template: :1: expected end; found {{else}})~"},
    {R"~({{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}{{range 0}}x{{else}}none{{end}})~", R"~(01201none)~"},
    {R"~({{range .Name}}{{end}})~", R"~(! template: :1:8: executing "" at <.Name>: range can't iterate over web)~"},
    {R"~({{range $k, $v := 3}}{{end}})~", R"~(! template: :1:18: executing "" at <3>: can't use 3 to iterate over more than one variable)~"},
    {R"~({{.Deep.Nope}})~", R"~(! template: :1:7: executing "" at <.Deep.Nope>: map has no entry for key "Nope")~"},
    {R"~({{.Name.Nope}})~", R"~(! template: :1:7: executing "" at <.Name.Nope>: can't evaluate field Nope in type interface {})~"},
    {R"~({{.Null.Nope}})~", R"~(! template: :1:7: executing "" at <.Null.Nope>: nil pointer evaluating interface {}.Nope)~"},
    {R"~({{.Map.x.y}})~", R"~(! template: :1:6: executing "" at <.Map.x.y>: can't evaluate field y in type interface {})~"},
    {R"~({{(index .Rows 0).Nope}})~", R"~(! template: :1:15: executing "" at <0>: map has no entry for key "Nope")~"},
    {R"~({{nil.X}})~", R"~(! template: :1: unexpected . after term "nil")~"},
    {R"~({{(nil).X}})~", R"~(! template: :1:3: executing "" at <nil>: nil is not a command)~"},
    {R"~({{.Name.}})~", R"~(! template: :1: unexpected <.> in operand)~"},
    {R"~({{$}})~", R"~(map[Count:3 Deep:map[In:map[Er:7]] Empty: List:[a b c] Map:map[x:1 y:2] Name:web Null:<nil> On:true Rows:[map[K:v] map[K:w]]])~"},
    {R"~({{$.Name}} {{$.Deep.In}})~", R"~(web map[Er:7])~"},
    {R"~({{.On "x"}})~", R"~(! template: :1:2: executing "" at <.On>: On is not a method but has arguments)~"},
    {R"~({{1 | 2}})~", R"~(! template: :1: non executable command in pipeline stage 2)~"},
    {R"~({{.Name | upper | lower | title}} {{title "a-b c_d 'e"}} {{pad "x" 1 2}}| {{pad "" 1 2}}| {{truncate "abc" 2}} {{truncate "a" 5}})~", R"~(Web A-B C_d 'E  x  | | ab a)~"},
    {R"~({{split "a,b" ","}} {{join (split "abc" "") "+"}} {{split "" ","}})~", R"~([a b] a+b+c [])~"},
    {R"~({{join .List ","}})~", R"~(! template: :1:7: executing "" at <.List>: wrong type for value; expected []string; got []interface {})~"},
    {R"~({{upper .Count}})~", R"~(! template: :1:8: executing "" at <.Count>: wrong type for value; expected string; got json.Number)~"},
    {R"~({{upper .Nope}})~", R"~(! template: :1:8: executing "" at <.Nope>: map has no entry for key "Nope")~"},
    {R"~({{pad "x" -1 0}})~", R"~(! template: :1:2: executing "" at <pad "x" -1 0>: error calling pad: strings: negative Repeat count)~"},
    {R"~({{truncate "x" -1}})~", R"~(! template: :1:2: executing "" at <truncate "x" -1>: error calling truncate: runtime error: slice bounds out of range [:-1])~"},
    {R"~({{pad "x" "1" 2}})~", R"~(! template: :1:10: executing "" at <"1">: expected integer; found "1")~"},
    {R"~({{json .}} {{json .Null}} {{json "<>&é\u2028\x01"}} {{json 1e21}} {{json 1.5}})~", R"~({"Count":3,"Deep":{"In":{"Er":7}},"Empty":"","List":["a","b","c"],"Map":{"x":"1","y":"2"},"Name":"web","Null":null,"On":true,"Rows":[{"K":"v"},{"K":"w"}]} null "<>&é\u2028\u0001" 1e+21 1.5)~"},
    {R"~({{call 1}} )~", R"~(! template: :1:2: executing "" at <call 1>: error calling call: non-function 1 of type int)~"},
    {R"~({{call}})~", R"~(! template: :1:2: executing "" at <call>: wrong number of args for call: want at least 1 got 0)~"},
    {R"~({{if break}}{{end}})~", R"~(! template: :1: unexpected <break> in if)~"},
    {R"~({{range .List}}{{continue x}}{{end}})~", R"~(! template: :1: unexpected "x" in {{continue}})~"},
    {R"~({{continue}})~", R"~(! template: :1: {{continue}} outside {{range}})~"},
    {R"~({{with}}{{end}})~", R"~(! template: :1: missing value for with)~"},
    {R"~({{else if .On}})~", R"~(! template: :1: unexpected {{else}})~"},
    {R"~({{.Name }})~", R"~(web)~"},
    {R"~({{ .Name|len }}{{(.Name|len)}})~", R"~(33)~"},
    {R"~({{	.Name	}})~", R"~(web)~"},
    {R"~({{.Name,}})~", R"~(! template: :1: unexpected "," in operand)~"},
    {R"~({{$a := 1, 2}})~", R"~(! template: :1: unexpected "," in operand)~"},
    {R"~({{$a, $b := .List}})~", R"~(! template: :1: too many declarations in command)~"},
    {R"~({{range $a, $b := .List}}{{$a}}{{$b}}{{end}})~", R"~(0a1b2c)~"},
    {R"~({{9223372036854775807}} {{-9223372036854775808}})~", R"~(9223372036854775807 -9223372036854775808)~"},
    {R"~({{9223372036854775808}})~", R"~(! template: :1:2: executing "" at <9223372036854775808>: 9223372036854775808 overflows int)~"},
    {R"~({{0x}})~", R"~(! template: :1: illegal number syntax: "0x")~"},
    {R"~({{1__0}})~", R"~(! template: :1: illegal number syntax: "1__0")~"},
    {R"~({{08}})~", R"~(! template: :1: integer overflow: "08")~"},
    {R"~({{'\x41'}} {{'\u00e9'}} {{"\u00e9\x41\101\"\\"}})~", R"~(65 233 éAA"\)~"},
    {R"~({{''}})~", R"~(! template: :1: invalid syntax)~"},
    {R"~({{"\q"}})~", R"~(! template: :1: invalid syntax)~"},
    {R"~({{"a)~", R"~(! template: :1: unterminated quoted string)~"},
    {R"~({{`a)~", R"~(! template: :1: unterminated raw quoted string)~"},
    {R"~({{'a)~", R"~(! template: :1: unterminated character constant)~"},
    {R"~({{'ab'}})~", R"~(! template: :1: malformed character constant: 'ab')~"},
    {R"~({{/*a*/}}b{{/* c */ }})~", R"~(! template: :1: comment ends before closing delimiter)~"},
    {R"~({{.Name})~", R"~(! template: :1: bad character U+007D '}')~"},
    {R"~({{{.Name}}})~", R"~(! template: :1: unexpected "{" in command)~"},
    {R"~(}}{{.Name}})~", R"~(}}web)~"},
    {R"~({{end}}{{end}})~", R"~(! template: :1: unexpected {{end}})~"},
    {R"~({{if .On}}{{range .List}}{{end}})~", R"~(! template: :1: unexpected EOF)~"},
};
// clang-format on

TEST(TemplateLanguage, PrintsWhatGoPrints) {
  for (const Case& each : kCases) EXPECT_EQ(render(each.text), each.printed) << each.text;
}

TEST(TemplateLanguage, TruncatedTemplatesNeverCrash) {
  for (const Case& each : kCases) {
    std::string text = each.text;
    for (size_t length = 0; length < text.size(); ++length) {
      std::string printed = render(text.substr(0, length));
      EXPECT_LT(printed.size(), 100'000U) << text.substr(0, length);
    }
  }
}

// Without digits, because a loop over a large number takes its time.
TEST(TemplateLanguage, ChangedTemplatesNeverCrash) {
  constexpr std::string_view kCharacters = "{}()|.$\"'`\\:=,-+ \n\tabnx%*[]/\xc3\xff";
  std::mt19937 random(7);
  for (const Case& each : kCases) {
    for (int round = 0; round < 40; ++round) {
      std::string text = each.text;
      for (int change = 0; change < 3 && !text.empty(); ++change) {
        size_t at = random() % text.size();
        char c = kCharacters[random() % kCharacters.size()];
        switch (random() % 3) {
          case 0:
            text[at] = c;
            break;
          case 1:
            text.erase(at, 1);
            break;
          default:
            text.insert(at, 1, c);
        }
      }
      std::string printed = render(text);
      EXPECT_LT(printed.size(), 10'000'000U) << text;
    }
  }
}

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

TEST(TemplateLanguage, DeepTemplatesAreRefused) {
  EXPECT_EQ(render("{{" + repeated("(", 100'000) + "1"), "! template: :1: max expression depth exceeded");
  EXPECT_EQ(render(repeated("{{if 1}}", 100'000)), "! template: :1: max expression depth exceeded");
  EXPECT_EQ(render("{{if 0}}" + repeated("{{else if 0}}", 100'000) + "{{end}}"),
            "! template: :1: max expression depth exceeded");
  std::string endless =
      render("{{define \"t\"}}{{if 1}}{{template \"t\" .}}{{end}}{{end}}{{template \"t\" .}}");
  EXPECT_NE(endless.find("exceeded maximum template depth"), std::string::npos) << endless;
  EXPECT_EQ(render("{{" + repeated("(", 300) + "1" + repeated(")", 300) + "}}"), "1");
}

}  // namespace
}  // namespace stack::text_template
