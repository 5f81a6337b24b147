#include "cli/render/template/tree.h"

#include "cli/render/template/unicode.h"

namespace stack::text_template {

std::string Operand::text() const {
  std::string out;
  switch (kind) {
    case Kind::Group:
      out = "(" + group->text() + ")";
      break;
    case Kind::Chain:
      out = base->text();
      break;
    case Kind::Field:
      break;
    default:
      out = word;
  }
  for (const std::string& field : fields) out += "." + field;
  return out;
}

std::string Command::text() const {
  std::string out;
  for (size_t i = 0; i < operands.size(); ++i) out += (i == 0 ? "" : " ") + operands[i]->text();
  return out;
}

std::string Pipeline::text() const {
  std::string out;
  for (size_t i = 0; i < variables.size(); ++i) out += (i == 0 ? "" : ", ") + variables[i];
  if (!variables.empty()) out += assigns ? " = " : " := ";
  for (size_t i = 0; i < commands.size(); ++i) out += (i == 0 ? "" : " | ") + commands[i].text();
  return out;
}

namespace {

std::string block_text(const char* keyword, const Statement& statement) {
  std::string out = "{{" + std::string(keyword) + " " + statement.pipeline->text() + "}}";
  for (const auto& inner : statement.body) out += inner->text();
  if (!statement.otherwise.empty()) {
    out += "{{else}}";
    for (const auto& inner : statement.otherwise) out += inner->text();
  }
  return out + "{{end}}";
}

}  // namespace

std::string Statement::text() const {
  switch (kind) {
    case Kind::Text:
      return word;
    case Kind::Action:
      return "{{" + pipeline->text() + "}}";
    case Kind::If:
      return block_text("if", *this);
    case Kind::With:
      return block_text("with", *this);
    case Kind::Range:
      return block_text("range", *this);
    case Kind::Template:
      return "{{template " + quote_text(word) + (pipeline ? " " + pipeline->text() : "") + "}}";
    case Kind::Break:
      return "{{break}}";
    case Kind::Continue:
      return "{{continue}}";
  }
  return {};
}

}  // namespace stack::text_template
