#include "cli/render/template/parser.h"

#include <algorithm>

#include "base/text.h"
#include "cli/render/template/functions.h"
#include "cli/render/template/lexer.h"
#include "cli/render/template/number.h"
#include "cli/render/template/unicode.h"

namespace stack::text_template {

namespace {

using Lexeme = Token::Kind;

// Of parentheses and blocks, because reading and evaluation are recursive.
constexpr int kDeepest = 400;

std::string token_text(const Token& token) {
  if (token.kind == Lexeme::End) return "EOF";
  if (token.kind == Lexeme::Error) return token.text;
  bool keyword = token.kind == Lexeme::Dot || token.kind == Lexeme::Nil ||
                 (token.kind == Lexeme::Word && is_keyword(token.text));
  if (keyword) return "<" + token.text + ">";
  if (token.text.size() <= 10) return quote_text(token.text);
  size_t end = 0;
  for (int i = 0; i < 10 && end < token.text.size(); ++i) end += rune_at(token.text, end).size;
  return quote_text(std::string_view(token.text).substr(0, end)) + "...";
}

// Of an operand's first token.
std::optional<Operand::Kind> operand_kind(const Token& token) {
  switch (token.kind) {
    case Lexeme::Word:
      return is_keyword(token.text) ? std::nullopt : std::optional(Operand::Kind::Function);
    case Lexeme::Dot:
      return Operand::Kind::Dot;
    case Lexeme::Nil:
      return Operand::Kind::Nil;
    case Lexeme::Bool:
      return Operand::Kind::Bool;
    case Lexeme::Variable:
      return Operand::Kind::Variable;
    case Lexeme::Field:
      return Operand::Kind::Field;
    case Lexeme::Char:
    case Lexeme::Number:
    case Lexeme::Complex:
      return Operand::Kind::Number;
    case Lexeme::Quoted:
      return Operand::Kind::Text;
    case Lexeme::OpenParen:
      return Operand::Kind::Group;
    default:
      return std::nullopt;
  }
}

class Parser {
 public:
  Parser(std::string_view text, std::string name) : name_(std::move(name)), tokens_(tokens_of(text)) {}
  Result<Templates> run();

 private:
  enum class Ending { None, End, Else };

  const Token& peek() {
    furthest_ = std::max(furthest_, at_);
    return tokens_[at_];
  }
  const Token& next() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  const Token& peek_solid() {
    while (peek().kind == Lexeme::Space) next();
    return peek();
  }
  const Token& next_solid() {
    peek_solid();
    return next();
  }

  Error error(const std::string& message) {
    return invalid("template: " + name_ + ":" + std::to_string(tokens_[furthest_].line) + ": " + message);
  }
  Error unexpected(const Token& token, const std::string& context);
  Result<> expect(Lexeme kind, const std::string& context);
  Result<> enter();

  Result<> read_definition();
  Result<> add(const std::string& name, Statements statements);
  Result<> read_top_statement(Statements& statements);
  // Up to {{end}} or {{else}}, which it consumes.
  Result<Ending> read_statements(Statements& statements);
  Result<Ending> read_statement(Statements& statements);
  Result<Ending> read_action(Statements& statements);
  Result<> read_block(Statements& statements, Statement::Kind kind, const std::string& keyword);
  Result<> read_otherwise(Statement& block, const std::string& keyword);
  Result<> read_jump(Statements& statements, const Token& token);
  Result<> read_template(Statements& statements);
  Result<> read_inline_template(Statements& statements);
  Result<std::string> read_name(const std::string& context);
  Result<std::unique_ptr<Pipeline>> read_pipeline(const std::string& context, Lexeme end);
  Result<> read_declarations(Pipeline& pipeline, const std::string& context);
  Result<> check(const Pipeline& pipeline, const std::string& context);
  Result<Command> read_command();
  // Null if there is no operand.
  Result<std::unique_ptr<Operand>> read_operand();
  Result<std::unique_ptr<Operand>> read_term();
  Result<> read_number(Operand& operand, const Token& token);

  std::string name_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t furthest_ = 0;
  int depth_ = 0;
  int range_depth_ = 0;
  int action_line_ = 0;
  std::vector<std::string> variables_{"$"};
  Templates templates_;
};

Error Parser::unexpected(const Token& token, const std::string& context) {
  if (token.kind != Lexeme::Error) return error("unexpected " + token_text(token) + " in " + context);
  std::string extra;
  if (action_line_ != 0 && action_line_ != token.line) {
    extra = std::string(token.text.ends_with(" action") ? "" : " in action") + " started at " + name_ + ":" +
            std::to_string(action_line_);
  }
  return error(token.text + extra);
}

Result<> Parser::expect(Lexeme kind, const std::string& context) {
  const Token& token = next_solid();
  if (token.kind != kind) return unexpected(token, context);
  return {};
}

Result<> Parser::enter() {
  if (depth_ >= kDeepest) return error("max expression depth exceeded");
  ++depth_;
  return {};
}

Result<Templates> Parser::run() {
  Statements top;
  while (peek().kind != Lexeme::End) {
    size_t start = at_;
    if (peek().kind == Lexeme::Open) {
      next();
      if (next_solid().is_word("define")) {
        TRY(read_definition());
        continue;
      }
      at_ = start;
    }
    TRY(read_top_statement(top));
  }
  TRY(add(name_, std::move(top)));
  return std::move(templates_);
}

Result<> Parser::read_top_statement(Statements& statements) {
  TRY_ASSIGN(Ending ending, read_statement(statements));
  if (ending == Ending::End) return error("unexpected {{end}}");
  if (ending == Ending::Else) return error("unexpected {{else}}");
  return {};
}

namespace {

bool is_empty(const Statements& statements) {
  return std::ranges::all_of(statements, [](const auto& statement) {
    return statement->kind == Statement::Kind::Text && trim(statement->word).empty();
  });
}

}  // namespace

Result<> Parser::add(const std::string& name, Statements statements) {
  auto found = templates_.find(name);
  if (found == templates_.end() || is_empty(found->second)) {
    templates_[name] = std::move(statements);
  } else if (!is_empty(statements)) {
    return error("template: multiple definition of template " + quote_text(name));
  }
  return {};
}

Result<> Parser::read_definition() {
  const Token& token = next_solid();
  if (token.kind != Lexeme::Quoted) return unexpected(token, "define clause");
  auto name = unquoted(token.text);
  if (!name) return error("invalid syntax");
  TRY(expect(Lexeme::Close, "define clause"));
  auto outer_variables = std::exchange(variables_, {"$"});
  int outer_ranges = std::exchange(range_depth_, 0);
  Statements body;
  TRY_ASSIGN(Ending ending, read_statements(body));
  if (ending != Ending::End) return error("unexpected {{else}} in define clause");
  variables_ = std::move(outer_variables);
  range_depth_ = outer_ranges;
  return add(*name, std::move(body));
}

Result<Parser::Ending> Parser::read_statements(Statements& statements) {
  while (peek_solid().kind != Lexeme::End) {
    TRY_ASSIGN(Ending ending, read_statement(statements));
    if (ending != Ending::None) return ending;
  }
  return error("unexpected EOF");
}

Result<Parser::Ending> Parser::read_statement(Statements& statements) {
  const Token& token = next_solid();
  if (token.kind == Lexeme::Text) {
    auto statement = std::make_unique<Statement>();
    statement->word = token.text;
    statement->offset = token.offset;
    statements.push_back(std::move(statement));
    return Ending::None;
  }
  if (token.kind != Lexeme::Open) return unexpected(token, "input");
  action_line_ = token.line;
  auto ending = read_action(statements);
  action_line_ = 0;
  return ending;
}

Result<Parser::Ending> Parser::read_action(Statements& statements) {
  const Token& token = peek_solid();
  if (token.kind != Lexeme::Word || !is_keyword(token.text)) {
    auto statement = std::make_unique<Statement>();
    statement->kind = Statement::Kind::Action;
    statement->offset = token.offset;
    TRY_ASSIGN(statement->pipeline, read_pipeline("command", Lexeme::Close));
    statements.push_back(std::move(statement));
    return Ending::None;
  }
  next();
  if (token.text == "end") {
    TRY(expect(Lexeme::Close, "end"));
    return Ending::End;
  }
  if (token.text == "else") {
    const Token& after = peek_solid();
    if (!after.is_word("if") && !after.is_word("with")) TRY(expect(Lexeme::Close, "else"));
    return Ending::Else;
  }
  if (token.text == "if")
    TRY(read_block(statements, Statement::Kind::If, "if"));
  else if (token.text == "with")
    TRY(read_block(statements, Statement::Kind::With, "with"));
  else if (token.text == "range")
    TRY(read_block(statements, Statement::Kind::Range, "range"));
  else if (token.text == "template")
    TRY(read_template(statements));
  else if (token.text == "block")
    TRY(read_inline_template(statements));
  else if (token.text == "define")
    return unexpected(token, "command");
  else
    TRY(read_jump(statements, token));
  return Ending::None;
}

Result<> Parser::read_jump(Statements& statements, const Token& token) {
  std::string braced = "{{" + token.text + "}}";
  const Token& close = next_solid();
  if (close.kind != Lexeme::Close) return unexpected(close, braced);
  if (range_depth_ == 0) return error(braced + " outside {{range}}");
  auto statement = std::make_unique<Statement>();
  statement->kind = token.text == "break" ? Statement::Kind::Break : Statement::Kind::Continue;
  statement->offset = token.offset;
  statements.push_back(std::move(statement));
  return {};
}

Result<> Parser::read_block(Statements& statements, Statement::Kind kind, const std::string& keyword) {
  TRY(enter());
  size_t known_variables = variables_.size();
  auto block = std::make_unique<Statement>();
  block->kind = kind;
  TRY_ASSIGN(block->pipeline, read_pipeline(keyword, Lexeme::Close));
  block->offset = block->pipeline->offset;
  int loop = kind == Statement::Kind::Range ? 1 : 0;
  range_depth_ += loop;
  TRY_ASSIGN(Ending ending, read_statements(block->body));
  range_depth_ -= loop;
  if (ending == Ending::Else) TRY(read_otherwise(*block, keyword));
  variables_.resize(known_variables);
  --depth_;
  statements.push_back(std::move(block));
  return {};
}

// {{else if}} and {{else with}} begin a block of their own, which ends with the outer one.
Result<> Parser::read_otherwise(Statement& block, const std::string& keyword) {
  const Token& token = peek();
  if (keyword != "range" && token.is_word(keyword)) {
    next();
    return read_block(block.otherwise, block.kind, keyword);
  }
  TRY_ASSIGN(Ending ending, read_statements(block.otherwise));
  if (ending != Ending::End) return error("expected end; found {{else}}");
  return {};
}

Result<std::string> Parser::read_name(const std::string& context) {
  const Token& token = next_solid();
  if (token.kind != Lexeme::Quoted) return unexpected(token, context);
  auto name = unquoted(token.text);
  if (!name) return error("invalid syntax");
  return std::move(*name);
}

Result<> Parser::read_template(Statements& statements) {
  auto statement = std::make_unique<Statement>();
  statement->kind = Statement::Kind::Template;
  statement->offset = peek_solid().offset;
  TRY_ASSIGN(statement->word, read_name("template clause"));
  if (peek_solid().kind == Lexeme::Close) {
    next();
  } else {
    TRY_ASSIGN(statement->pipeline, read_pipeline("template clause", Lexeme::Close));
  }
  statements.push_back(std::move(statement));
  return {};
}

Result<> Parser::read_inline_template(Statements& statements) {
  TRY(enter());
  auto statement = std::make_unique<Statement>();
  statement->kind = Statement::Kind::Template;
  statement->offset = peek_solid().offset;
  TRY_ASSIGN(statement->word, read_name("block clause"));
  TRY_ASSIGN(statement->pipeline, read_pipeline("block clause", Lexeme::Close));
  auto outer_variables = std::exchange(variables_, {"$"});
  int outer_ranges = std::exchange(range_depth_, 0);
  Statements body;
  TRY_ASSIGN(Ending ending, read_statements(body));
  if (ending != Ending::End) return error("unexpected {{else}} in block clause");
  variables_ = std::move(outer_variables);
  range_depth_ = outer_ranges;
  --depth_;
  TRY(add(statement->word, std::move(body)));
  statements.push_back(std::move(statement));
  return {};
}

Result<> Parser::read_declarations(Pipeline& pipeline, const std::string& context) {
  while (peek_solid().kind == Lexeme::Variable) {
    size_t start = at_;
    const Token& variable = next();
    const Token& after = peek_solid();
    bool comma = after.kind == Lexeme::Punctuation && after.text == ",";
    if (after.kind != Lexeme::Assign && after.kind != Lexeme::Declare && !comma) {
      at_ = start;
      return {};
    }
    next();
    pipeline.variables.push_back(variable.text);
    variables_.push_back(variable.text);
    if (!comma) {
      pipeline.assigns = after.kind == Lexeme::Assign;
      return {};
    }
    if (context != "range" || pipeline.variables.size() >= 2)
      return error("too many declarations in " + context);
    Lexeme second = peek_solid().kind;
    if (second != Lexeme::Variable && second != Lexeme::Close && second != Lexeme::CloseParen)
      return error("range can only initialize variables");
  }
  return {};
}

Result<std::unique_ptr<Pipeline>> Parser::read_pipeline(const std::string& context, Lexeme end) {
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->offset = peek_solid().offset;
  TRY(read_declarations(*pipeline, context));
  while (true) {
    const Token& token = peek_solid();
    if (token.kind == end) {
      next();
      TRY(check(*pipeline, context));
      return pipeline;
    }
    if (!operand_kind(token)) return unexpected(next(), context);
    TRY_ASSIGN(Command command, read_command());
    pipeline->commands.push_back(std::move(command));
  }
}

Result<> Parser::check(const Pipeline& pipeline, const std::string& context) {
  if (pipeline.commands.empty()) return error("missing value for " + context);
  for (size_t i = 1; i < pipeline.commands.size(); ++i) {
    switch (pipeline.commands[i].operands[0]->kind) {
      case Operand::Kind::Bool:
      case Operand::Kind::Dot:
      case Operand::Kind::Nil:
      case Operand::Kind::Number:
      case Operand::Kind::Text:
        return error("non executable command in pipeline stage " + std::to_string(i + 1));
      default:
        break;
    }
  }
  return {};
}

Result<Command> Parser::read_command() {
  Command command;
  command.offset = peek_solid().offset;
  while (true) {
    peek_solid();
    TRY_ASSIGN(auto operand, read_operand());
    if (operand) command.operands.push_back(std::move(operand));
    Lexeme kind = peek().kind;
    if (kind == Lexeme::Close || kind == Lexeme::CloseParen) break;
    const Token& token = next();
    if (kind == Lexeme::Space) continue;
    if (kind != Lexeme::Pipe) return unexpected(token, "operand");
    break;
  }
  if (command.operands.empty()) return error("empty command");
  return command;
}

Result<std::unique_ptr<Operand>> Parser::read_operand() {
  TRY_ASSIGN(auto operand, read_term());
  if (!operand || peek().kind != Lexeme::Field) return operand;
  size_t offset = peek().offset;
  std::vector<std::string> fields;
  while (peek().kind == Lexeme::Field) fields.push_back(next().text.substr(1));
  switch (operand->kind) {
    case Operand::Kind::Bool:
    case Operand::Kind::Text:
    case Operand::Kind::Number:
    case Operand::Kind::Nil:
    case Operand::Kind::Dot:
      return error("unexpected . after term " + quote_text(operand->text()));
    case Operand::Kind::Field:
    case Operand::Kind::Variable:
      break;
    default: {
      auto chain = std::make_unique<Operand>();
      chain->kind = Operand::Kind::Chain;
      chain->base = std::move(operand);
      operand = std::move(chain);
    }
  }
  operand->offset = offset;
  operand->fields.insert(operand->fields.end(), fields.begin(), fields.end());
  return operand;
}

Result<std::unique_ptr<Operand>> Parser::read_term() {
  const Token& token = peek_solid();
  auto kind = operand_kind(token);
  if (!kind) return std::unique_ptr<Operand>();
  next();
  auto operand = std::make_unique<Operand>();
  operand->kind = *kind;
  operand->offset = token.offset;
  operand->word = token.text;
  switch (*kind) {
    case Operand::Kind::Function:
      if (!find_function(token.text)) return error("function " + quote_text(token.text) + " not defined");
      break;
    case Operand::Kind::Variable:
      if (std::ranges::find(variables_, token.text) == variables_.end())
        return error("undefined variable " + quote_text(token.text));
      break;
    case Operand::Kind::Field:
      operand->fields.push_back(token.text.substr(1));
      break;
    case Operand::Kind::Number:
      TRY(read_number(*operand, token));
      break;
    case Operand::Kind::Text: {
      auto content = unquoted(token.text);
      if (!content) return error("invalid syntax");
      operand->content = std::move(*content);
      break;
    }
    case Operand::Kind::Group: {
      TRY(enter());
      TRY_ASSIGN(operand->group, read_pipeline("parenthesized pipeline", Lexeme::CloseParen));
      operand->offset = operand->group->offset;
      --depth_;
      break;
    }
    default:
      break;
  }
  return operand;
}

Result<> Parser::read_number(Operand& operand, const Token& token) {
  if (token.kind == Lexeme::Char) {
    auto content = unquoted(token.text);
    if (!content || content->empty()) return error("invalid syntax");
    Rune rune = rune_at(*content, 0);
    if (rune.size != content->size()) return error("malformed character constant: " + token.text);
    // '\xff' is the number 255, not invalid UTF-8.
    char32_t code = rune.valid ? rune.code : static_cast<unsigned char>((*content)[0]);
    operand.integer = code;
    operand.natural = code;
    operand.real = code;
    return {};
  }
  if (token.kind == Lexeme::Complex || token.text.ends_with('i')) {
    operand.complex = true;
    return {};
  }
  operand.natural = parse_natural(token.text);
  operand.integer = parse_integer(token.text);
  if (operand.integer) {
    if (*operand.integer >= 0) operand.natural = static_cast<uint64_t>(*operand.integer);
    operand.real = static_cast<double>(*operand.integer);
    return {};
  }
  if (operand.natural) {
    operand.real = static_cast<double>(*operand.natural);
    return {};
  }
  operand.real = parse_real(token.text);
  bool doubled = token.text.find("__") != std::string::npos || token.text.ends_with('_');
  if (!operand.real || doubled) return error("illegal number syntax: " + quote_text(token.text));
  if (token.text.find_first_of(".eEpP") == std::string::npos)
    return error("integer overflow: " + quote_text(token.text));
  constexpr double kMost = 9.2e18;
  if (*operand.real > -kMost && *operand.real < kMost) {
    auto whole = static_cast<int64_t>(*operand.real);
    if (static_cast<double>(whole) == *operand.real) {
      operand.integer = whole;
      if (whole >= 0) operand.natural = static_cast<uint64_t>(whole);
    }
  }
  return {};
}

}  // namespace

Result<Templates> parse_templates(std::string_view text, const std::string& name) {
  return Parser(text, name).run();
}

}  // namespace stack::text_template
