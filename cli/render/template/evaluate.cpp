#include "cli/render/template/evaluate.h"

#include <algorithm>

#include "cli/render/template/evaluator.h"
#include "cli/render/template/print.h"
#include "cli/render/template/unicode.h"

namespace stack::text_template {

Error Evaluator::error(const std::string& message) const {
  if (!part_) return invalid("template: " + name_ + ": " + message);
  std::string_view before = shared_.text.substr(0, part_->offset);
  size_t newline = before.rfind('\n');
  size_t column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  auto line = 1 + std::ranges::count(before, '\n');
  return invalid("template: " + shared_.options.name + ":" + std::to_string(line) + ":" +
                 std::to_string(column) + ": executing " + quote_text(name_) + " at <" + part_->text() +
                 ">: " + message);
}

Result<Evaluator::Next> Evaluator::walk(const Value& dot, const Statements& statements) {
  if (shared_.depth >= kDeepest)
    return error("exceeded maximum template depth (" + std::to_string(kDeepest) + ")");
  ++shared_.depth;
  for (const auto& statement : statements) {
    TRY_ASSIGN(Next next, walk_one(dot, *statement));
    if (next != Next::Statement) {
      --shared_.depth;
      return next;
    }
  }
  --shared_.depth;
  return Next::Statement;
}

Result<Evaluator::Next> Evaluator::walk_one(const Value& dot, const Statement& statement) {
  part_ = &statement;
  switch (statement.kind) {
    case Statement::Kind::Text:
      shared_.out += statement.word;
      break;
    case Statement::Kind::Action: {
      TRY_ASSIGN(Value value, pipeline(dot, *statement.pipeline));
      part_ = &statement;
      if (statement.pipeline->variables.empty()) shared_.out += output_text(value);
      break;
    }
    case Statement::Kind::If:
    case Statement::Kind::With:
      return walk_condition(dot, statement);
    case Statement::Kind::Range:
      return walk_range(dot, statement);
    case Statement::Kind::Template:
      TRY(walk_template(dot, statement));
      break;
    case Statement::Kind::Break:
      return Next::Break;
    case Statement::Kind::Continue:
      return Next::Continue;
  }
  return Next::Statement;
}

Result<Evaluator::Next> Evaluator::walk_condition(const Value& dot, const Statement& statement) {
  size_t known = variables_.size();
  TRY_ASSIGN(Value value, pipeline(dot, *statement.pipeline));
  bool with = statement.kind == Statement::Kind::With;
  Result<Next> next =
      value.is_true() ? walk(with ? value : dot, statement.body) : walk(dot, statement.otherwise);
  variables_.resize(known);
  return next;
}

Result<Evaluator::Next> Evaluator::walk_item(const Statement& loop, const Value& key, const Value& item) {
  const auto& names = loop.pipeline->variables;
  size_t known = variables_.size();
  if (loop.pipeline->assigns) {
    if (names.size() > 1) {
      TRY(assign(names[0], key));
      TRY(assign(names[1], item));
    } else if (names.size() == 1) {
      TRY(assign(names[0], item));
    }
  } else if (!names.empty()) {
    variables_[known - 1].second = item;
    if (names.size() > 1) variables_[known - 2].second = key;
  }
  auto next = walk(item, loop.body);
  variables_.resize(known);
  return next;
}

Result<Evaluator::Next> Evaluator::walk_items(const Statement& loop, const Value& list) {
  auto each = [&](const Value& key, const Value& item) { return walk_item(loop, key, item); };
  if (list.is(Kind::Map)) {
    for (const auto& [key, item] : list.entries()) {
      TRY_ASSIGN(Next next, each(key, item));
      if (next == Next::Break) break;
    }
    return Next::Statement;
  }
  bool number = list.is(Kind::Int) || list.is(Kind::Uint);
  auto count = number ? list.integer() : static_cast<int64_t>(list.length());
  for (int64_t i = 0; i < count; ++i) {
    Result<Next> next =
        number ? each({}, Value(list.type(), Json(i))) : each(Value::of(i), list.at(static_cast<size_t>(i)));
    if (!next) return next;
    if (*next == Next::Break) break;
  }
  return Next::Statement;
}

Result<Evaluator::Next> Evaluator::walk_range(const Value& dot, const Statement& loop) {
  size_t known = variables_.size();
  TRY_ASSIGN(Value value, pipeline(dot, *loop.pipeline));
  Value list = value.indirect();
  bool number = list.is(Kind::Int) || list.is(Kind::Uint);
  bool items = list.is(Kind::Slice) || list.is(Kind::Array) || list.is(Kind::Map);
  if (number && loop.pipeline->variables.size() > 1)
    return error("can't use " + output_text(list) + " to iterate over more than one variable");
  if (list.is_valid() && !number && !items) return error("range can't iterate over " + output_text(list));
  Result<Next> next = Next::Statement;
  if (number ? list.integer() > 0 : list.length() > 0) {
    next = walk_items(loop, list);
  } else {
    next = walk(dot, loop.otherwise);
  }
  variables_.resize(known);
  return next;
}

Result<> Evaluator::walk_template(const Value& dot, const Statement& statement) {
  auto found = shared_.templates.find(statement.word);
  if (found == shared_.templates.end())
    return error("template " + quote_text(statement.word) + " not defined");
  Value inner;
  if (statement.pipeline) {
    TRY_ASSIGN(inner, pipeline(dot, *statement.pipeline));
  }
  Evaluator other(shared_, statement.word, inner);
  other.part_ = part_;
  auto walked = other.walk(inner, found->second);
  if (!walked) return std::move(walked).error();
  return {};
}

Result<> evaluate(const Templates& templates, std::string_view text, const Value& dot,
                  const Evaluation& evaluation, std::string& out) {
  auto top = templates.find(evaluation.name);
  if (top == templates.end()) return {};
  SharedState shared{templates, text, evaluation, out};
  Evaluator evaluator(shared, evaluation.name, dot);
  auto walked = evaluator.walk(dot, top->second);
  if (!walked) return std::move(walked).error();
  return {};
}

}  // namespace stack::text_template
