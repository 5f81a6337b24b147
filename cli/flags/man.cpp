#include "cli/flags/man.h"

#include <algorithm>
#include <array>

#include "base/build_info.h"
#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/compose_man.h"
#include "cli/flags/globals.h"
#include "cli/flags/help.h"

namespace stack::cli {

namespace {

std::string page_name(std::string_view command) {
  std::string name = "stack-" + std::string(command);
  std::replace(name.begin(), name.end(), ' ', '-');
  return name;
}

std::string head(const std::string& name, int section, std::string_view summary) {
  std::string title = name;
  for (char& c : title) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const BuildInfo& info = build_info();
  return ".TH \"" + man_escape(title) + "\" " + std::to_string(section) + " \"" +
         std::string(info.date.substr(0, 10)) + "\" \"stack " + std::string(info.version) +
         "\" \"stack\"\n.ad l\n.SH NAME\n" + man_escape(name) + " \\- " + man_escape(summary) + "\n";
}

std::string flags_section(std::string_view title, std::span<const Flag> flags) {
  std::string out;
  for (const Flag& flag : flags) {
    if (flag.help.empty()) continue;
    out += ".TP\n";
    if (flag.letter) out += "\\fB\\-" + std::string(1, flag.letter) + "\\fR, ";
    out += "\\fB\\-\\-" + man_escape(flag.name) + "\\fR";
    if (!flag.placeholder.empty()) out += " \\fI" + man_escape(flag.placeholder) + "\\fR";
    out += "\n" + man_escape(flag.help) + ".\n";
  }
  return out.empty() ? out : ".SH " + std::string(title) + "\n" + out;
}

std::string examples_section(std::span<const Example> examples) {
  std::string out;
  for (const Example& example : examples)
    out += ".TP\n\\fB" + man_escape(example.line) + "\\fR\n" + man_escape(example.meaning) + ".\n";
  return out.empty() ? out : ".SH EXAMPLES\n" + out;
}

// Line by line, as the help shows it.
std::string verbatim(std::string_view text) {
  std::string out = ".nf\n";
  for (const std::string& line : split(trim(text), '\n')) out += man_escape(line) + "\n";
  return out + ".fi\n";
}

std::string topic_sections() {
  std::string out;
  for (const Topic& topic : help_topics()) {
    std::string title(topic.name);
    for (char& c : title) c = c == '-' ? ' ' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    out += ".SH " + title + "\n" + verbatim(topic.text);
  }
  return out;
}

ManPage program_man_page() {
  std::string out = head("stack", 1, "run Compose projects without Docker");
  out += ".SH SYNOPSIS\n\\fBstack\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR\n";
  out += ".SH DESCRIPTION\n" +
         man_escape(
             "stack reads a Compose file, orders its services, and runs them as containers with networks, "
             "names, and volumes. It needs no other container engine.") +
         "\n.SH COMMANDS\n";
  for (const Command* command : all_commands()) {
    if (command->hidden) continue;
    out += ".TP\n\\fB" + man_escape(page_name(command->name)) + "\\fR(1)\n" + man_escape(command->summary) +
           ".\n";
  }
  out += flags_section("OPTIONS", global_flags()) + topic_sections();
  out += ".SH SEE ALSO\n\\fBstack\\-compose\\fR(5)\n";
  return {"stack.1", out};
}

}  // namespace

std::string man_escape(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

ManPage command_man_page(const Command& command) {
  std::string name = page_name(command.name);
  std::string out = head(name, 1, command.summary);
  out += ".SH SYNOPSIS\n\\fBstack " + man_escape(command.name) + "\\fR";
  if (!command.usage.empty()) out += " " + man_escape(command.usage);
  out += "\n.SH DESCRIPTION\n" + man_escape(command.summary) + ".\n";
  if (!command.details.empty()) out += ".PP\n" + verbatim(command.details);
  out += flags_section("OPTIONS", command.flags) + examples_section(command.examples);
  if (!command.aliases.empty()) {
    std::vector<std::string> names;
    for (std::string_view alias : command.aliases) names.push_back("stack " + man_escape(alias));
    out += ".SH ALSO\n" + join(names, ", ") + "\n";
  }
  out += ".SH SEE ALSO\n\\fBstack\\fR(1), which lists the options that every command accepts";
  if (command.group == Group::Project) out += ", \\fBstack\\-compose\\fR(5)";
  return {name + ".1", out + "\n"};
}

std::vector<ManPage> all_man_pages() {
  std::vector<ManPage> pages{program_man_page()};
  for (const Command* command : all_commands())
    if (!command->hidden) pages.push_back(command_man_page(*command));
  std::string summary = "the Compose file as stack reads it";
  pages.push_back({"stack-compose.5", head("stack-compose", 5, summary) + compose_man_text()});
  return pages;
}

}  // namespace stack::cli
