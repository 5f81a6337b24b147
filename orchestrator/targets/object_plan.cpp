#include "orchestrator/targets/object_plan.h"

namespace stack::targets {

namespace {

std::string_view kind_of(Step step) {
  switch (step) {
    case Step::Keep:
      return "keep-object";
    case Step::Create:
      return "create-object";
    case Step::Change:
      return "change-object";
    case Step::Replace:
      return "replace-object";
    case Step::Remove:
      return "remove-object";
  }
  return "";
}

std::string or_unset(const std::string& value) { return value.empty() ? "(unset)" : value; }

std::string row_text(const PlanRow& row, const std::string& action) {
  const char* sign = row.step == Step::Create ? "  + " : row.step == Step::Remove ? "  - " : "  ~ ";
  std::string text = sign + action + "  " + row.cause + "\n";
  for (const ObjectChange& change : row.changes)
    text += "      " + change.field + ": " + or_unset(change.before) + " -> " + or_unset(change.after) + "\n";
  return text;
}

}  // namespace

std::string changed_text(const std::vector<ObjectChange>& changes) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < changes.size() && i < kShown; ++i) text += (i == 0 ? "" : ", ") + changes[i].field;
  if (changes.size() > kShown) text += ", and " + std::to_string(changes.size() - kShown) + " more";
  return "changed: " + text;
}

OrderedJson plan_json(const std::vector<PlanRow>& rows, const std::string& project,
                      const std::vector<std::string>& warnings) {
  OrderedJson actions = OrderedJson::array();
  std::string text;
  int id = 0;
  for (const PlanRow& row : rows) {
    if (row.step == Step::Keep) continue;
    std::string kind(kind_of(row.step));
    std::string what = kind.substr(0, kind.find('-')) + " " + row.object;
    OrderedJson action{{"id", ++id},   {"kind", kind},      {"object", row.object}, {"service", row.service},
                       {"text", what}, {"cause", row.cause}};
    for (const ObjectChange& change : row.changes)
      action["changes"].push_back(
          {{"field", change.field}, {"before", change.before}, {"after", change.after}});
    text += row_text(row, what);
    actions.push_back(std::move(action));
  }
  text = text.empty() ? "project " + project + ": nothing to do\n" : "project " + project + "\n" + text;
  for (const std::string& warning : warnings) text += "warning: " + warning + "\n";
  return {{"actions", std::move(actions)}, {"changes", id}, {"text", text}, {"warnings", warnings}};
}

}  // namespace stack::targets
