// `stack generate systemd PROJECT`: a unit that starts and stops one project.
#include "base/files.h"
#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/member.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Flag kGenerateFlags[] = {
    {'o', "output", FlagArity::Value, "FILE", "Write to a file instead of stdout"},
};
constexpr Example kGenerateExamples[] = {
    {"stack generate systemd shop", "print a unit for the project shop"},
    {"stack generate systemd shop -o /etc/systemd/system/shop.service", "install it"},
};

// A word of ExecStart=: systemd.service(5) expands % and $, and understands C-style quoting.
std::string unit_word(const std::string& word) {
  std::string out;
  bool quote = word.empty();
  for (char c : word) {
    if (c == '%' || c == '$') out += c;
    if (c == '"' || c == '\\') out += '\\';
    if (c == ' ' || c == '\t' || c == '\'' || c == ';') quote = true;
    out += c;
  }
  return quote || out != word ? "\"" + out + "\"" : out;
}

// A setting that is not split into words: only % is special.
std::string without_specifiers(const std::string& text) {
  std::string out;
  for (char c : text) out += c == '%' ? std::string("%%") : std::string(1, c);
  return out;
}

std::string unit_text(const std::string& program, const Json& project) {
  std::string name = string_or(project, "name");
  std::string folder = string_or(project, "working_dir");
  std::string command = unit_word(program) + " -p " + unit_word(name);
  for (const std::string& file : strings_of(member(project, "config_files")))
    command += " -f " + unit_word(file);
  return "[Unit]\n"
         "Description=Project " +
         without_specifiers(name) +
         " of stack\n"
         "After=stack.socket stack.service network-online.target\n"
         "Wants=network-online.target\n"
         "\n"
         "[Service]\n"
         "Type=oneshot\n"
         "RemainAfterExit=yes\n" +
         (folder.empty() ? "" : "WorkingDirectory=" + without_specifiers(folder) + "\n") +
         "ExecStart=" + command + " up -d --wait\n" + "ExecReload=" + command + " up -d\n" +
         "ExecStop=" + command + " stop\n" +
         "TimeoutStartSec=15min\n"
         "TimeoutStopSec=2min\n"
         "\n"
         "[Install]\n"
         "WantedBy=multi-user.target\n";
}

Result<int> run_generate(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.words.front();
  auto project = session.call("GET", project_path(name));
  if (!project && project.error().kind() == ErrorKind::NotFound)
    return not_found("project " + name +
                     " is unknown to the engine (`stack ls -a` lists the known projects)");
  if (!project) return std::move(project).error();
  std::vector<std::string> files = strings_of(member(*project, "config_files"));
  if (files.empty() || files.front() == "-")
    return invalid("project " + name + " was not started from a file; a unit needs one");
  std::string text = unit_text(own_program(), *project);
  std::string output = arguments.text("output");
  if (output.empty()) {
    print(text);
    return 0;
  }
  std::string path = absolute_path(session.current_directory(), output);
  TRY(session.refuse_dry_run());
  TRY(write_output_file(path, text));
  std::string unit = base_name(path);
  print_message("wrote " + path + "; enable it with: systemctl daemon-reload && systemctl enable --now " +
                unit);
  return 0;
}

}  // namespace

const Command kGenerateSystemd{
    .name = "generate systemd",
    .aliases = {},
    .group = Group::Engine,
    .usage = "[OPTIONS] PROJECT",
    .summary = "Print a systemd unit that starts and stops a project",
    .details =
        "Containers with a restart policy return after a reboot without such a unit: see `stack engine "
        "enable`.\nA unit is useful for projects without restart policies, or to order a project after other "
        "units.",
    .examples = kGenerateExamples,
    .flags = kGenerateFlags,
    .least_words = 1,
    .most_words = 1,
    .run = run_generate,
};

}  // namespace stack::cli
