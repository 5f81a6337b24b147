// Values of pipelines, commands, and their operands.
#include <algorithm>

#include "cli/render/template/evaluator.h"
#include "cli/render/template/unicode.h"

namespace stack::text_template {

namespace {

std::string go_name(Parameter parameter) {
  switch (parameter) {
    case Parameter::Operand:
      return "reflect.Value";
    case Parameter::Any:
      return "interface {}";
    case Parameter::Text:
      return "string";
    case Parameter::Int:
      return "int";
    case Parameter::Texts:
      return "[]string";
  }
  return {};
}

bool takes_anything(Parameter parameter) {
  return parameter == Parameter::Operand || parameter == Parameter::Any;
}

}  // namespace

const Value* Evaluator::find_variable(const std::string& name) const {
  for (size_t i = variables_.size(); i-- > 0;)
    if (variables_[i].first == name) return &variables_[i].second;
  return nullptr;
}

Result<> Evaluator::assign(const std::string& name, const Value& value) {
  for (size_t i = variables_.size(); i-- > 0;) {
    if (variables_[i].first != name) continue;
    variables_[i].second = value;
    return {};
  }
  return error("undefined variable: " + name);
}

Result<Value> Evaluator::pipeline(const Value& dot, const Pipeline& pipeline) {
  part_ = &pipeline;
  Value value;
  for (size_t i = 0; i < pipeline.commands.size(); ++i) {
    Value before = std::move(value);
    TRY_ASSIGN(value, command(dot, pipeline.commands[i], i == 0 ? nullptr : &before));
    value = value.concrete();
  }
  for (const std::string& name : pipeline.variables) {
    if (pipeline.assigns) {
      TRY(assign(name, value));
    } else {
      variables_.emplace_back(name, value);
    }
  }
  return value;
}

Result<Value> Evaluator::command(const Value& dot, const Command& command, const Value* piped) {
  const Operand& first = *command.operands[0];
  const Part* part = &first;
  if (first.kind == Operand::Kind::Function) part = &command;
  return operand(dot, first, {first.text(), part, &command.operands, piped});
}

// `call` has no arguments where the operand is an argument itself.
Result<Value> Evaluator::operand(const Value& dot, const Operand& operand, Call call) {
  bool can_take_arguments = operand.kind == Operand::Kind::Field || operand.kind == Operand::Kind::Chain ||
                            operand.kind == Operand::Kind::Function ||
                            (operand.kind == Operand::Kind::Variable && !operand.fields.empty());
  if (operand.kind != Operand::Kind::Group) part_ = &operand;
  if (!can_take_arguments && call.has_arguments())
    return error("can't give argument to non-function " + operand.text());
  switch (operand.kind) {
    case Operand::Kind::Dot:
      return dot;
    case Operand::Kind::Nil:
      return error("nil is not a command");
    case Operand::Kind::Bool:
      return Value::of(operand.word == "true");
    case Operand::Kind::Number:
      return number(operand);
    case Operand::Kind::Text:
      return Value::of(operand.content);
    case Operand::Kind::Group:
      return pipeline(dot, *operand.group);
    case Operand::Kind::Field:
      return fields(dot, dot, operand, std::move(call));
    case Operand::Kind::Variable: {
      const Value* value = find_variable(operand.word);
      if (!value) return error("undefined variable: " + operand.word);
      if (operand.fields.empty()) return *value;
      return fields(dot, *value, operand, std::move(call));
    }
    case Operand::Kind::Chain: {
      TRY_ASSIGN(Value base, chain_base(dot, operand));
      return fields(dot, std::move(base), operand, std::move(call));
    }
    case Operand::Kind::Function:
      break;
  }
  bool header = shared_.options.header;
  const Function* found = header ? find_header_function(operand.word) : find_function(operand.word);
  if (!found) return error(quote_text(operand.word) + " is not a defined function");
  call.name = operand.word;
  return function(dot, *found, std::move(call));
}

Result<Value> Evaluator::chain_base(const Value& dot, const Operand& chain) {
  if (chain.base->kind == Operand::Kind::Nil)
    return error("indirection through explicit nil in " + chain.text());
  return operand(dot, *chain.base, {chain.base->text(), chain.base.get()});
}

Result<Value> Evaluator::number(const Operand& operand) {
  if (operand.complex) return error("can't handle complex number " + operand.word);
  bool hex = operand.word.starts_with("0x") || operand.word.starts_with("0X");
  bool looks_real =
      operand.word[0] != '\'' && operand.word.find_first_of(hex ? "pP" : ".eEpP") != std::string::npos;
  if (operand.real && looks_real) return Value::of(*operand.real);
  if (operand.integer) return Value::of(*operand.integer);
  return error(operand.word + " overflows int");
}

Result<Value> Evaluator::fields(const Value& dot, Value receiver, const Operand& operand, Call call) {
  for (size_t i = 0; i + 1 < operand.fields.size(); ++i) {
    TRY_ASSIGN(receiver, field(dot, operand.fields[i], receiver, {operand.fields[i], &operand}));
  }
  call.name = operand.fields.back();
  return field(dot, operand.fields.back(), receiver, call);
}

Result<Value> Evaluator::field(const Value& dot, const std::string& name, const Value& receiver,
                               const Call& call) {
  if (!receiver.is_valid()) {
    if (shared_.options.missing_keys_are_errors)
      return error("nil data; no entry for key " + quote_text(name));
    return Value();
  }
  std::string type_name = receiver.type().name;
  Value target = receiver.indirect();
  if (target.is(Kind::Any) || !target.is_valid())
    return error("nil pointer evaluating " + type_name + "." + name);
  const Function* method = find_method(target.type(), name);
  if (method && (call.has_arguments() || !target.is(Kind::Map))) return function(dot, *method, call, &target);
  return member(name, target, type_name, call.has_arguments());
}

Result<Value> Evaluator::member(const std::string& name, const Value& receiver, const std::string& type_name,
                                bool has_arguments) {
  const Type& type = receiver.type();
  if (type.kind == Kind::Struct) {
    if (const Field* found = type.field(name)) {
      if (has_arguments && type.row) return error("wrong number of args for " + name + ": want 0 got 1");
      if (has_arguments) return error(name + " has arguments but cannot be invoked as function");
      return receiver.field(*found);
    }
  } else if (type.kind == Kind::Map && type.key->name == "string") {
    if (has_arguments) return error(name + " is not a method but has arguments");
    Value found = receiver.entry(name);
    if (!found.is_valid() && shared_.options.missing_keys_are_errors)
      return error("map has no entry for key " + quote_text(name));
    return found;
  } else if (type.kind == Kind::Pointer) {
    bool known = type.element->kind != Kind::Struct || type.element->field(name);
    if (known) return error("nil pointer evaluating " + type_name + "." + name);
  }
  return error("can't evaluate field " + name + " in type " + type_name);
}

Result<Value> Evaluator::and_or(const Value& dot, bool is_or, const Call& call) {
  Value value;
  for (size_t i = 1; i <= call.count(); ++i) {
    TRY_ASSIGN(value, argument(dot, Parameter::Operand, *(*call.operands)[i]));
    if (value.is_true() == is_or) return value;
  }
  return call.piped ? *call.piped : value;
}

Result<Value> Evaluator::function(const Value& dot, const Function& function, Call call, const Value* self) {
  const auto& parameters = function.parameters;
  size_t selves = self ? 1 : 0;
  size_t given = call.count() + (call.piped ? 1 : 0);
  size_t least = parameters.size() - selves - (function.variadic ? 1 : 0);
  if (function.variadic ? given < least : given != least) {
    return error("wrong number of args for " + call.name + ": want " +
                 (function.variadic ? "at least " : "") + std::to_string(least) + " got " +
                 std::to_string(function.variadic ? call.count() : given));
  }
  if (!function.call) return and_or(dot, function.name == "or", call);
  auto parameter = [&](size_t i) { return parameters[std::min(i + selves, parameters.size() - 1)]; };
  Values values;
  if (self) values.push_back(*self);
  for (size_t i = 0; i < call.count(); ++i) {
    TRY_ASSIGN(Value value, argument(dot, parameter(i), *(*call.operands)[i + 1]));
    values.push_back(std::move(value));
  }
  if (call.piped) {
    TRY_ASSIGN(Value value, checked(*call.piped, parameter(call.count())));
    values.push_back(std::move(value));
  }
  if (function.name == "call") {
    std::string written = call.count() > 0 ? (*call.operands)[1]->text() : values[0].text();
    values.insert(values.begin(), Value::of(std::move(written)));
  }
  auto result = function.call(values);
  if (result) return result;
  part_ = call.part;
  return error("error calling " + call.name + ": " + result.error().text());
}

Result<Value> Evaluator::checked(const Value& value, Parameter parameter) {
  if (takes_anything(parameter)) return value;
  std::string wanted = go_name(parameter);
  if (!value.is_valid()) {
    if (parameter == Parameter::Texts) return Value(strings_type(), Json());
    return error("invalid value; expected " + wanted);
  }
  if (value.type().name == wanted) return value;
  Value inner = value.concrete();
  if (inner.is_valid() && inner.type().name == wanted) return inner;
  if (inner.is(Kind::Pointer) && inner.type().element->name == wanted) {
    if (inner.is_nil()) return error("dereference of nil pointer of type " + wanted);
    return inner.target();
  }
  return error("wrong type for value; expected " + wanted + "; got " +
               (inner.is_valid() ? inner : value).type().name);
}

Result<Value> Evaluator::argument(const Value& dot, Parameter parameter, const Operand& operand) {
  part_ = &operand;
  switch (operand.kind) {
    case Operand::Kind::Nil:
      if (takes_anything(parameter) || parameter == Parameter::Texts) return checked({}, parameter);
      return error("cannot assign nil to " + go_name(parameter));
    case Operand::Kind::Bool:
    case Operand::Kind::Number:
    case Operand::Kind::Text:
      break;
    default: {
      TRY_ASSIGN(Value value, this->operand(dot, operand, {operand.text(), &operand}));
      return checked(value, parameter);
    }
  }
  if (takes_anything(parameter)) return this->operand(dot, operand, {operand.text(), &operand});
  if (parameter == Parameter::Text) {
    if (operand.kind != Operand::Kind::Text) return error("expected string; found " + operand.text());
    return Value::of(operand.content);
  }
  if (parameter == Parameter::Int) {
    if (operand.kind != Operand::Kind::Number || !operand.integer)
      return error("expected integer; found " + operand.text());
    return Value::of(*operand.integer);
  }
  return error("can't handle " + operand.text() + " for arg of type " + go_name(parameter));
}

}  // namespace stack::text_template
