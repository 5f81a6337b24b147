// --format: rows, tables, and inspected objects.
#include "cli/render/template/format.h"

#include <gtest/gtest.h>

namespace stack::text_template {
namespace {

const Json kRow = {{"ID", "0123456789ab"},
                   {"Names", "shop-web-1"},
                   {"Labels", "a=b,com.x=1"},
                   {"Ports", "0.0.0.0:80->80/tcp"},
                   {"State", "running"}};

std::string rows(const std::string& format) {
  auto text = render_rows(format, {kRow}, "ps");
  return text ? *text : "! " + text.error().text();
}

TEST(Format, PlainTemplatesPrintOneLinePerRow) {
  EXPECT_EQ(render_rows("{{.Names}}", {kRow, kRow}, "ps").value(), "shop-web-1\nshop-web-1\n");
  EXPECT_EQ(rows("  {{.Names}}\\t{{.State}}  "), "shop-web-1\trunning\n");
}

TEST(Format, JsonHasAllPlaceholdersOfARow) {
  EXPECT_EQ(
      rows("json"),
      R"({"Command":"","CreatedAt":"","ID":"0123456789ab","Image":"","Labels":"a=b,com.x=1","LocalVolumes":"",)"
      R"("Mounts":"","Names":"shop-web-1","Networks":"","Platform":null,)"
      R"("Ports":"0.0.0.0:80-\u003e80/tcp","RunningFor":"","Size":"","State":"running","Status":""})"
      "\n");
  EXPECT_EQ(rows("{{json .Ports}}"), "\"0.0.0.0:80->80/tcp\"\n");
}

TEST(Format, LabelsAreFoundByName) {
  EXPECT_EQ(rows("{{.Label \"com.x\"}}|{{.Label \"none\"}}|"), "1||\n");
  Json row = kRow;
  row["LabelMap"] = {{"list", "a,b=c"}};
  EXPECT_EQ(render_rows("{{.Label \"list\"}}", {row}, "ps").value(), "a,b=c\n");
}

TEST(Format, TablesHaveDockersTitles) {
  EXPECT_EQ(rows("table {{.ID}}\\t{{.Names | upper}}\\t{{.Label \"com.example.role-name\"}}"),
            "CONTAINER ID   NAMES        role name\n0123456789ab   SHOP-WEB-1   \n");
  EXPECT_EQ(render_rows("table {{.ID}}\\t{{truncate .Repository 3}}", {}, "images").value(),
            "IMAGE ID   REPOSITORY\n");
  EXPECT_EQ(rows("table {{.Platform}}\\t{{json .State}}"), "PLATFORM   STATE\n<nil>      \"running\"\n");
}

TEST(Format, MistakesNameTheTemplate) {
  EXPECT_EQ(rows("{{.Nope}}"),
            "! template parsing error: template: :1:2: executing \"\" at <.Nope>: can't evaluate field Nope "
            "in type "
            "*formatter.ContainerContext");
  EXPECT_EQ(rows("{{.ID"), "! template parsing error: template: :1: unclosed action");
}

TEST(Format, RowsWithoutATypeKnowOnlyTheirMembers) {
  const std::vector<Json> list{{{"Service", "web"}, {"ExitCode", 0}}};
  EXPECT_EQ(render_format("{{.Service}} {{if eq .ExitCode 0}}fine{{end}}", list).value(), "web fine\n");
  EXPECT_EQ(render_format("table {{.Service}}\\t{{.ExitCode}}", list).value(),
            "SERVICE   EXIT CODE\nweb       0\n");
  EXPECT_EQ(render_format("json", list).value(), "{\"ExitCode\":0,\"Service\":\"web\"}\n");
  EXPECT_FALSE(render_format("{{.Nope}}", list));
}

const Json kBare = {{"State", Json::object()}, {"Config", Json::object()}, {"HostConfig", Json::object()}};

InspectOutput inspect(const std::string& format, std::vector<Json> objects) {
  std::vector<Inspected> all;
  for (Json& object : objects) all.push_back({"container.InspectResponse", std::move(object)});
  return render_inspected(format, all).value();
}

TEST(Inspect, MissingMembersAreZeroValuesOfTheirTypes) {
  EXPECT_EQ(
      inspect("{{if .State.Health}}h{{else}}none{{end}} {{.State.Health}} {{.State.Pid}}", {kBare}).text,
      "none <nil> 0\n");
  EXPECT_EQ(
      inspect(
          "{{.HostConfig.Binds}} {{.Config.Labels}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy}}",
          {kBare})
          .text,
      "[] map[] <nil> { 0}\n");
}

TEST(Inspect, TemplatesThatDoNotFitTheTypeAreTriedOnTheJson) {
  InspectOutput output = inspect("{{.Id}}", {{{"Id", "ab"}}});
  EXPECT_EQ(output.text, "ab\n");
  output = inspect("{{.Nope}}", {{{"Id", "ab"}}, {{"Nope", 1.5}}});
  EXPECT_EQ(output.text, "1.5\n");
  ASSERT_EQ(output.errors.size(), 1U);
  EXPECT_EQ(
      output.errors[0],
      "template parsing error: template: :1:2: executing \"\" at <.Nope>: map has no entry for key \"Nope\"");
}

TEST(Inspect, NothingFoundPrintsAnEmptyLine) {
  EXPECT_EQ(inspect("{{.Id}}", {}).text, "\n");
  EXPECT_EQ(inspect("json", {}).text, "[]\n");
  EXPECT_EQ(render_inspected("{{", {}).error().text(),
            "template parsing error: template: :1: unclosed action");
}

TEST(Inspect, MethodsOfTypesAreCalled) {
  Json object = {{"HostConfig", {{"RestartPolicy", {{"Name", "always"}}}, {"NetworkMode", "host"}}},
                 {"NetworkSettings", {{"Ports", {{"53/udp", nullptr}}}}}};
  EXPECT_EQ(
      inspect("{{.HostConfig.RestartPolicy.IsAlways}} {{.HostConfig.NetworkMode.IsHost}}"
              "{{range $port, $to := .NetworkSettings.Ports}} {{$port.Port}}/{{$port.Proto}} {{$to}}{{end}}",
              {object})
          .text,
      "true true 53/udp []\n");
}

}  // namespace
}  // namespace stack::text_template
