#include "base/build_info.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Flag kVersionFlags[] = {
    {0, "short", FlagArity::Nothing, "", "Print only the version number"},
    {'f', "format", FlagArity::Value, "FORMAT", "pretty (default) or json"},
};
constexpr Example kVersionExamples[] = {{"stack version --short", "print only the version number"}};

Result<int> run_version(Session& session, const Arguments& arguments) {
  std::string format = arguments.text("format", "pretty");
  if (format != "pretty" && format != "json") {
    return session.usage_error("invalid value \"" + format + "\" for --format: must be pretty or json");
  }
  if (arguments.is_set("short")) {
    print_line(build_info().version);
  } else if (format == "json") {
    const BuildInfo& info = build_info();
    print_line(to_text(Json{{"version", info.version},
                            {"commit", info.commit},
                            {"date", info.date},
                            {"apiVersion", kApiVersion},
                            {"minApiVersion", kOldestApiVersion}}));
  } else {
    print_line("stack version " + build_text() + ", Docker Engine API " + kApiVersion);
  }
  return 0;
}

}  // namespace

const Command kVersion{
    .name = "version",
    .aliases = {},
    .group = Group::Other,
    .usage = "[OPTIONS]",
    .summary = "Show the version of stack",
    .details = "",
    .examples = kVersionExamples,
    .flags = kVersionFlags,
    .most_words = 0,
    .run = run_version,
};

}  // namespace stack::cli
