// The execution of one template, with its variables.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/render/template/evaluate.h"
#include "cli/render/template/functions.h"

namespace stack::text_template {

// Of statements inside each other and templates that call each other; the recursion is ours.
inline constexpr int kDeepest = 900;

// What the templates of one execution share.
struct SharedState {
  const Templates& templates;
  std::string_view text;
  const Evaluation& options;
  std::string& out;
  int depth = 0;
};

class Evaluator {
 public:
  enum class Next { Statement, Break, Continue };

  Evaluator(SharedState& shared, std::string name, const Value& dot)
      : shared_(shared), name_(std::move(name)), variables_{{"$", dot}} {}
  Result<Next> walk(const Value& dot, const Statements& statements);

 private:
  // A call's operands as written, and the result of the command before "|".
  struct Call {
    std::string name;
    const Part* part = nullptr;
    const std::vector<std::unique_ptr<Operand>>* operands = nullptr;  // the first one is the function
    const Value* piped = nullptr;

    size_t count() const { return operands ? operands->size() - 1 : 0; }
    bool has_arguments() const { return count() > 0 || piped; }
  };

  Error error(const std::string& message) const;

  Result<Next> walk_one(const Value& dot, const Statement& statement);
  Result<Next> walk_condition(const Value& dot, const Statement& statement);
  Result<Next> walk_range(const Value& dot, const Statement& loop);
  Result<Next> walk_items(const Statement& loop, const Value& list);
  Result<Next> walk_item(const Statement& loop, const Value& key, const Value& item);
  Result<> walk_template(const Value& dot, const Statement& statement);

  Result<Value> pipeline(const Value& dot, const Pipeline& pipeline);
  Result<Value> command(const Value& dot, const Command& command, const Value* piped);
  Result<Value> operand(const Value& dot, const Operand& operand, Call call);
  Result<Value> number(const Operand& operand);
  Result<Value> fields(const Value& dot, Value receiver, const Operand& operand, Call call);
  Result<Value> field(const Value& dot, const std::string& name, const Value& receiver, const Call& call);
  Result<Value> member(const std::string& name, const Value& receiver, const std::string& type_name,
                       bool has_arguments);
  Result<Value> function(const Value& dot, const Function& function, Call call, const Value* self = nullptr);
  Result<Value> and_or(const Value& dot, bool is_or, const Call& call);
  Result<Value> argument(const Value& dot, Parameter parameter, const Operand& operand);
  Result<Value> checked(const Value& value, Parameter parameter);
  Result<Value> chain_base(const Value& dot, const Operand& operand);

  const Value* find_variable(const std::string& name) const;
  Result<> assign(const std::string& name, const Value& value);

  SharedState& shared_;
  std::string name_;
  const Part* part_ = nullptr;
  std::vector<std::pair<std::string, Value>> variables_;
};

}  // namespace stack::text_template
