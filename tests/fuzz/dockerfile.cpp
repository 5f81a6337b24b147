// A Dockerfile, its flags, and its words.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/glob.h"
#include "images/builder/frontend/dockerfile.h"
#include "images/builder/frontend/flags.h"
#include "images/builder/frontend/words.h"

using namespace stack;
using namespace stack::builder;

namespace {

void expand(const Instruction& instruction, char escape) {
  Expander expander;
  expander.escape = escape;
  expander.variables = [](std::string_view name) -> std::optional<std::string> {
    if (name == "UNSET") return std::nullopt;
    return "value of " + std::string(name);
  };
  for (const std::string& word : instruction.words) {
    (void)expander.word(word);
    (void)expander.words(word);
  }
  for (const Heredoc& heredoc : instruction.heredocs) (void)expander.heredoc(heredoc.content);
  for (const std::string& flag : instruction.flags)
    if (flag.starts_with("--mount=")) (void)parse_mount(std::string_view(flag).substr(8));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(bytes), size);
  (void)IgnoreRules::parse(text);
  auto file = parse_dockerfile(text, "Dockerfile");
  if (!file) return 0;
  (void)to_text(*file);
  for (const Instruction& instruction : file->instructions) {
    if (instruction.line < 1 || instruction.end_line < instruction.line) std::abort();
    expand(instruction, file->escape);
    // Parsing an instruction alone gives the same result as in the file.
    if (instruction.heredocs.empty())
      (void)parse_instruction(instruction.text, "Dockerfile", 1, file->escape);
  }
  return 0;
}
