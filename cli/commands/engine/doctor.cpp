#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Flag kDoctorFlags[] = {{0, "json", FlagArity::Nothing, "", "For programs"}};
constexpr Example kDoctorExamples[] = {{"stack doctor", "what of this machine fits, and what does not"}};

std::string check_text(const Json& check, bool colour) {
  std::string state = string_or(check, "state");
  Colour shade = state == "ok" ? Colour::Green : state == "warning" ? Colour::Yellow : Colour::Red;
  std::string mark = state == "ok" ? "ok     " : state == "warning" ? "warning" : "error  ";
  std::string text =
      paint(mark, shade, colour) + "  " + string_or(check, "name") + ": " + string_or(check, "text") + "\n";
  std::string hint = string_or(check, "hint");
  if (!hint.empty() && state != "ok") text += "         " + hint + "\n";
  return text;
}

Result<int> run_doctor(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(Json report, session.call("GET", "/stack/v1/doctor"));
  bool broken = false;
  std::string text;
  for (const Json& check : items_of(member(report, "checks"))) {
    broken = broken || string_or(check, "state") == "error";
    text += check_text(check, session.out().colour);
  }
  print(arguments.on("json") ? report.dump(2) + "\n" : text);
  return broken ? kExitError : 0;
}

}  // namespace

const Command kDoctor{
    .name = "doctor",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS]",
    .summary = "Check the machine and the engine's state",
    .details = "Exit code 1 where something is an error.",
    .examples = kDoctorExamples,
    .flags = kDoctorFlags,
    .most_words = 0,
    .run = run_doctor,
};

}  // namespace stack::cli
