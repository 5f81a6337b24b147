#include "cli/flags/compose_man.h"

#include <map>

#include "base/text.h"
#include "cli/flags/man.h"
#include "orchestrator/compose/attributes.h"

namespace stack::cli {

namespace {

using compose::Attribute;

struct ManSection {
  std::string_view title;
  std::string_view prefix;
};
constexpr ManSection kSections[] = {
    {"SERVICES", "services."}, {"NETWORKS", "networks."}, {"VOLUMES", "volumes."},
    {"SECRETS", "secrets."},   {"CONFIGS", "configs."},
};

const char* meaning_text(compose::Meaning meaning) {
  switch (meaning) {
    case compose::Meaning::Boolean:
      return "true or false";
    case compose::Meaning::Integer:
      return "whole number";
    case compose::Meaning::Number:
      return "number";
    case compose::Meaning::Bytes:
      return "size such as 64m";
    case compose::Meaning::Duration:
      return "duration such as 1m30s";
    case compose::Meaning::FileMode:
    case compose::Meaning::TmpfsMode:
      return "octal file mode";
    case compose::Meaning::Text:
      return "text";
  }
  return "text";
}

std::string value_text(const Attribute& attribute) {
  std::vector<std::string> forms;
  if (attribute.choices) {
    std::string choices = attribute.choices;
    return "one of " + join(split(choices, '|'), ", ");
  }
  if (attribute.forms & (compose::kString | compose::kNumber | compose::kBoolean))
    forms.emplace_back(meaning_text(attribute.meaning));
  if (attribute.forms & compose::kList) forms.emplace_back("list");
  if (attribute.forms & compose::kMap) forms.emplace_back("mapping");
  if (attribute.forms & compose::kAnything) forms.emplace_back("any value");
  return join(forms, ", or ");
}

// "services.*.ports.*.target" as "services.NAME.ports[].target".
std::string readable(std::string_view pattern, const std::map<std::string, uint16_t>& forms) {
  std::string out;
  std::string path;
  for (const std::string& step : split(std::string(pattern), '.')) {
    auto parent = forms.find(path);
    bool item = step == "*" && parent != forms.end() && (parent->second & compose::kList);
    path += (path.empty() ? "" : ".") + step;
    if (item) {
      out += "[]";
    } else {
      out += (out.empty() ? "" : ".") + (step == "*" ? std::string("NAME") : step);
    }
  }
  return out;
}

std::string entry(const compose::AttributeTable::Row& row, const std::map<std::string, uint16_t>& forms) {
  const Attribute& attribute = row.rule;
  std::string text = value_text(attribute);
  std::string note = attribute.note ? attribute.note : "";
  if (attribute.support == compose::Support::Ignored) {
    text += "; ignored";
  } else if (attribute.support == compose::Support::Refused) {
    text += "; not supported";
  }
  if (!note.empty()) text += (attribute.support == compose::Support::CarriedOut ? "; " : ": ") + note;
  return ".TP\n\\fB" + man_escape(readable(row.pattern, forms)) + "\\fR\n" + man_escape(text) + ".\n";
}

bool in_a_section(std::string_view pattern) {
  for (const ManSection& section : kSections)
    if (pattern.starts_with(section.prefix)) return true;
  return false;
}

}  // namespace

std::string compose_man_text() {
  std::map<std::string, uint16_t> forms;
  for (const auto& row : compose::attribute_rows()) forms[row.pattern] = row.rule.forms;
  std::string out =
      ".SH DESCRIPTION\n"
      "A Compose file describes the services, networks, and volumes of a project in YAML.\n"
      "This page lists every attribute, the values that it accepts, and how far it is supported.\n"
      "NAME stands for a name that you choose, and [] for each item of a list.\n"
      ".SH FILES\ncompose.yaml, compose.yml, docker\\-compose.yaml, and docker\\-compose.yml, each with an\n"
      "\\&.override. file, in the current folder or one of its parents.\n"
      ".SH TOP LEVEL\n";
  for (const auto& row : compose::attribute_rows())
    if (!in_a_section(row.pattern)) out += entry(row, forms);
  for (const ManSection& section : kSections) {
    out += ".SH " + std::string(section.title) + "\n";
    for (const auto& row : compose::attribute_rows())
      if (std::string_view(row.pattern).starts_with(section.prefix)) out += entry(row, forms);
  }
  return out + ".SH SEE ALSO\n\\fBstack\\fR(1), \\fBstack\\-up\\fR(1), \\fBstack\\-config\\fR(1)\n";
}

}  // namespace stack::cli
