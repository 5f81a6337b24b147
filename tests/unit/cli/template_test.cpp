#include "cli/render/template.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

const Json kRow = {{"Name", "shop-web-1"},
                   {"Service", "web"},
                   {"ExitCode", 0},
                   {"Labels", "a=b,com.x=1"},
                   {"Ports", Json::array({"80", "443"})},
                   {"State", {{"Running", true}, {"Health", ""}}}};

std::string render(const std::string& text) {
  auto parsed = Template::parse(text);
  if (!parsed) return "! " + parsed.error().text();
  auto out = parsed->render(kRow);
  return out ? *out : "! " + out.error().text();
}

TEST(Template, FieldsAreFilledIn) {
  EXPECT_EQ(render("{{.Name}}: {{ .State.Running }}"), "shop-web-1: true");
  EXPECT_EQ(render("no fields"), "no fields");
  EXPECT_EQ(render("{{(index .Ports 1)}} {{(index . \"State\").Running}}"), "443 true");
}

TEST(Template, FunctionsAndPipes) {
  EXPECT_EQ(render("{{.Service | upper}}"), "WEB");
  EXPECT_EQ(render("{{upper .Service | printf}}"), "! template: can't give argument to non-function printf");
  EXPECT_EQ(render("{{json .Ports}}"), "[\"80\",\"443\"]");
  EXPECT_EQ(render("{{join .Ports \", \"}}"), "80, 443");
  EXPECT_EQ(render("{{index .Ports 1}}"), "443");
  EXPECT_EQ(render("{{index (split .Labels \",\") 1}}"), "com.x=1");
  EXPECT_EQ(render("{{truncate .Name 4}}"), "shop");
  EXPECT_EQ(render("{{.Label \"com.x\"}}"), "1");
  EXPECT_EQ(render("{{len .Ports}}"), "2");
}

TEST(Template, ConditionsAndLoops) {
  EXPECT_EQ(render("{{if .State.Health}}h{{else}}none{{end}}"), "none");
  EXPECT_EQ(render("{{if eq .ExitCode 0}}fine{{end}}"), "fine");
  EXPECT_EQ(render("{{range .Ports}}<{{.}}>{{end}}"), "<80><443>");
  EXPECT_EQ(render("{{range .Ports}}{{if .}}{{.}};{{end}}{{end}}"), "80;443;");
}

TEST(Template, BlanksAreTrimmedOnRequest) {
  EXPECT_EQ(render("a {{- .Service -}} b"), "awebb");
  EXPECT_EQ(render("   {{- .Service}}"), "web");
}

TEST(Template, WholeObjectsPrintAsJson) {
  auto parsed = Template::parse("{{json .}}").value();
  EXPECT_EQ(parsed.render({{"a", 1}}).value(), "{\"a\":1}");
}

TEST(Template, MistakesAreErrors) {
  EXPECT_EQ(render("{{.Nam}}"), "! template: can't evaluate field Nam");
  EXPECT_EQ(render("{{.Name"), "! template: unclosed action");
  EXPECT_EQ(render("{{if .Name}}x"), "! template: unexpected end, {{end}} is missing");
  EXPECT_EQ(render("{{end}}"), "! template: unexpected {{end}}");
  EXPECT_EQ(render("{{else}}"), "! template: unexpected {{else}}");
  EXPECT_EQ(render("{{}}"), "! template: missing value for {{}}");
  EXPECT_EQ(render("{{frob .Name}}"), "! template: can't give argument to non-function frob");
  EXPECT_EQ(render("{{index .Ports 9}}"), "! template: index out of range");
  EXPECT_EQ(render("{{join .Ports}}"), "! template: wrong number of arguments for join");
  EXPECT_EQ(render("{{\"open}}"), "! template: unterminated string in {{\"open}}");
  EXPECT_EQ(render("{{(len .Ports}}"), "! template: unclosed ( in {{(len .Ports}}");
  EXPECT_EQ(render("{{)}}"), "! template: unexpected ) in {{)}}");
}

TEST(Format, JsonIsOneObjectPerLine) {
  EXPECT_EQ(render_format("json", {Json{{"a", 1}}, Json{{"a", 2}}}).value(), "{\"a\":1}\n{\"a\":2}\n");
}

TEST(Format, TablesHaveAHeaderOfFieldNames) {
  std::string text = render_format("table {{.Name}}\\t{{.ExitCode}}", {kRow}).value();
  EXPECT_EQ(text, "NAME         EXIT CODE\nshop-web-1   0\n");
}

TEST(Format, PlainTemplatesPrintOneLinePerRow) {
  EXPECT_EQ(render_format("{{.Service}}", {kRow, kRow}).value(), "web\nweb\n");
  EXPECT_FALSE(render_format("{{.Nope}}", {kRow}));
}

}  // namespace
}  // namespace stack::cli
