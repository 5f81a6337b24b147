#include "orchestrator/targets/fidelity.h"

#include <gtest/gtest.h>

#include "orchestrator/targets/target_name.h"

namespace stack::targets {
namespace {

constexpr KeyRule kRules[] = {
    {"services.*.image", Fidelity::Exact, ""},
    {"services.*.ports.*", Fidelity::Exact, ""},
    {"services.*.ports.*.host_ip", Fidelity::Lost, "the cluster chooses"},
    {"services.*.ulimits.*", Fidelity::Lost, "no limits"},
};

Json project() {
  return {{"name", "p"},
          {"working_dir", "/home/me/p"},
          {"services",
           {{"web",
             {{"image", "a"},
              {"ports", Json::array({{{"target", 80}, {"host_ip", "10.0.0.1"}}, {{"target", 81}}})},
              {"ulimits", {{"nofile", {{"soft", 1}, {"hard", 2}}}}}}}}}};
}

std::string text(const FidelityNotes& notes = {}) {
  return report_text(account(project(), kRules, notes, nullptr));
}

TEST(Fidelity, EveryKeyHasAVerdict) {
  FidelityReport report = account(project(), kRules, {}, nullptr);
  EXPECT_EQ(report.count(Fidelity::Exact), 3U);
  EXPECT_EQ(report.count(Fidelity::Lost), 2U);
  EXPECT_EQ(report.keys.size(), 5U);
  EXPECT_EQ(text(),
            "lost     services.web.ports.0.host_ip    the cluster chooses\n"
            "lost     services.web.ulimits.nofile     no limits\n"
            "3 exact, 0 adapted, 2 lost\n");
}

TEST(Fidelity, AKeyWithoutARuleIsLost) {
  Json unknown = project();
  unknown["services"]["web"]["telepathy"] = true;
  FidelityReport report = account(unknown, kRules, {}, nullptr);
  EXPECT_EQ(report.keys[4].key, "services.web.telepathy");
  EXPECT_EQ(report.keys[4].verdict.note, kUnknownKey);
}

TEST(Fidelity, ANoteReplacesTheRuleAndTheSeverestNoteWins) {
  FidelityNotes notes;
  notes.lost("/services/web/ports/1", "taken");
  notes.adapted("/services/web/ports/1", "moved");
  notes.exact("/services/web/ports/0/host_ip");
  EXPECT_EQ(text(notes),
            "lost     services.web.ports.1           taken\n"
            "lost     services.web.ulimits.nofile    no limits\n"
            "4 exact, 0 adapted, 2 lost\n");
}

TEST(Fidelity, ANoteAboutAPartOrTheWholeIsShown) {
  FidelityNotes notes;
  notes.adapted("/services/web/ulimits/nofile/soft", "half");
  notes.refused("/services/web", "cannot run");
  FidelityReport report =
      account(project(), kRules, notes, [](const std::string& pointer) { return "at" + pointer; });
  std::string shown = report_text(report);
  EXPECT_NE(shown.find("lost     services.web                      at/services/web"), std::string::npos)
      << shown;
  EXPECT_NE(shown.find("adapted  services.web.ulimits.nofile.soft"), std::string::npos) << shown;
  ASSERT_EQ(report.blocking().size(), 1U);
  EXPECT_EQ(report.blocking()[0]->service, "web");
  OrderedJson json = report_json(report);
  EXPECT_EQ(json["keys"].back()["blocks"], true);
  EXPECT_EQ(json["keys"].size(), report.keys.size());
}

TEST(Fidelity, JobsOfActiveProfilesAreLost) {
  Json project{{"profiles", Json::array({"ops"})},
               {"services", Json::object()},
               {"disabled_services",
                {{"backup", {{"reason", "job"}, {"profiles", Json::array()}, {"scheduled", true}}},
                 {"migrate", {{"reason", "job"}, {"profiles", Json::array({"ops"})}}},
                 {"other", {{"reason", "job"}, {"profiles", Json::array({"dev"})}}},
                 {"web", {{"reason", "profile"}, {"profiles", Json::array({"dev"})}}}}}};
  FidelityReport report = account(project, {}, {}, nullptr);
  ASSERT_EQ(report.keys.size(), 2U);
  EXPECT_EQ(report.keys[0].key, "jobs.backup");
  EXPECT_EQ(report.keys[0].verdict.level, Fidelity::Lost);
  EXPECT_EQ(report.keys[0].verdict.note, "jobs are not converted, so it never runs");
  EXPECT_EQ(report.keys[1].key, "jobs.migrate");
}

TEST(Fidelity, PointersAreEscaped) { EXPECT_EQ(pointer_to("/a", "b/c~d"), "/a/b~1c~0d"); }

TEST(TargetName, HasThreeNamesAndOneShortForm) {
  EXPECT_EQ(parse_target("").value(), TargetName::Local);
  EXPECT_EQ(parse_target("Local").value(), TargetName::Local);
  EXPECT_EQ(parse_target("k8s").value(), TargetName::Kubernetes);
  EXPECT_EQ(parse_target("kubernetes").value(), TargetName::Kubernetes);
  EXPECT_EQ(parse_target("swarm").value(), TargetName::Swarm);
  EXPECT_EQ(parse_target("nomad").error().text(),
            "unknown target \"nomad\": must be local, kubernetes, or swarm");
}

}  // namespace
}  // namespace stack::targets
