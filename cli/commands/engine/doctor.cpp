#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/json_format.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/session.h"
#include "http/wire/query.h"

namespace stack::cli {

namespace {

constexpr Flag kDoctorFlags[] = {
    {0, "json", FlagArity::Nothing, "", "Print JSON"}, kTextFormatFlag,
    {0, "repair", FlagArity::Nothing, "", "Remove leftovers that have no owner"},
    {0, "give-up", FlagArity::Value, "ID", "Remove a container whose record is lost, including its data"},
};
constexpr Example kDoctorExamples[] = {{"stack doctor", "check the machine and the engine's state"},
                                       {"stack doctor --repair", "remove leftovers"}};

std::string check_text(const Json& check, bool color) {
  std::string state = string_or(check, "state");
  Color shade = state == "ok" ? Color::Green : state == "warning" ? Color::Yellow : Color::Red;
  std::string mark = state == "ok" ? "ok     " : state == "warning" ? "warning" : "error  ";
  std::string text =
      paint(mark, shade, color) + "  " + string_or(check, "name") + ": " + string_or(check, "text") + "\n";
  std::string hint = string_or(check, "hint");
  if (!hint.empty() && state != "ok") text += "         " + hint + "\n";
  return text;
}

Result<int> run_doctor(Session& session, const Arguments& arguments) {
  TRY(session.refuse_dry_run());
  Result<bool> json = wants_json(arguments);
  if (!json) return session.usage_error(json.error().text());
  if (std::string id = arguments.text("give-up"); !id.empty())
    TRY(session.call("POST", "/stack/v1/doctor/give-up/" + http::percent_encode(id)));
  std::string path = std::string("/stack/v1/doctor") + (arguments.is_set("repair") ? "?repair=1" : "");
  TRY_ASSIGN(Json report, session.call("GET", path));
  bool broken = false;
  std::string text;
  for (const Json& check : items_of(member(report, "checks"))) {
    broken = broken || string_or(check, "state") == "error";
    text += check_text(check, session.out().color);
  }
  print(*json ? report.dump(2) + "\n" : text);
  return broken ? kExitError : 0;
}

}  // namespace

const Command kDoctor{
    .name = "doctor",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Check the machine and the engine's state",
    .details = "Exit code 1 if any check reports an error.",
    .examples = kDoctorExamples,
    .flags = kDoctorFlags,
    .most_words = 0,
    .run = run_doctor,
};

}  // namespace stack::cli
