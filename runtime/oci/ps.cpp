// ps: the processes of a container.
#include "base/process.h"
#include "base/text.h"
#include "runtime/cgroup/cgroups.h"
#include "runtime/oci/output.h"
#include "runtime/oci/state.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kPsFlags[] = {
    {"format", 'f', FlagKind::Text, "FORMAT", "table (default, output of ps(1)) or json (PIDs)"},
};

// The lines of ps(1) with the container's processes, by the column "PID".
Result<std::string> as_table(const std::vector<pid_t>& pids, std::vector<std::string> ps_flags) {
  if (ps_flags.empty()) ps_flags = {"-ef"};
  SpawnRequest request;
  request.program = "ps";
  request.args = std::move(ps_flags);
  TRY_ASSIGN(CapturedRun ran, run_captured(std::move(request)));
  if (ran.exit_code != 0) return Error("ps: " + std::string(trim(ran.output)));
  std::vector<std::string> lines = split(ran.output, '\n');
  auto words_of = [](const std::string& line) {
    std::vector<std::string> words;
    for (std::string& word : split(line, ' ')) {
      if (!word.empty()) words.push_back(std::move(word));
    }
    return words;
  };
  std::vector<std::string> heading = words_of(lines.front());
  size_t column = static_cast<size_t>(std::find(heading.begin(), heading.end(), "PID") - heading.begin());
  if (column == heading.size()) return invalid("the output of ps has no PID column");
  std::string out = lines.front() + "\n";
  for (size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string> words = words_of(lines[i]);
    bool ours = words.size() > column && std::any_of(pids.begin(), pids.end(), [&](pid_t pid) {
                  return words[column] == std::to_string(pid);
                });
    if (ours) out += lines[i] + "\n";
  }
  return out;
}

Result<int> ps(const GlobalOptions& global, const Arguments& arguments) {
  const std::string& id = arguments.words().front();
  std::string format = arguments.text("format", "table");
  if (format != "table" && format != "json")
    return invalid("--format must be table or json, not \"" + format + "\"");
  TRY_ASSIGN(FoundContainer container, find_container(global.root, id));
  TRY(check_allowed(Operation::Processes, container.status, id));
  std::vector<pid_t> pids;
  if (!container.state.cgroup_path.empty()) {
    TRY_ASSIGN(Cgroups cgroups, Cgroups::detect());
    TRY_ASSIGN(pids, cgroups.pids(container.state.cgroup_path));
  } else if (container.status != Status::Stopped) {
    return unsupported("ps: container " + id + " was created without a cgroup");
  }
  if (format == "json") {
    TRY(print(to_text(Json(pids)) + "\n"));
    return 0;
  }
  std::vector<std::string> ps_flags(arguments.words().begin() + 1, arguments.words().end());
  TRY_ASSIGN(std::string text, as_table(pids, std::move(ps_flags)));
  TRY(print(text));
  return 0;
}

}  // namespace

const Command kPs = {"ps",
                     "[flags] ID [PS-FLAGS...]",
                     "list the processes of a container",
                     kPsFlags,
                     FlagOrder::First,
                     1,
                     64,
                     false,
                     ps};

}  // namespace stack::runtime::oci
