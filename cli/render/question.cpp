#include "cli/render/question.h"

#include <unistd.h>

#include <string>

#include "base/fd.h"
#include "base/text.h"

namespace stack::cli {

Result<bool> ask(std::string_view question) {
  if (isatty(STDIN_FILENO) != 1) return invalid("stdin is not a terminal; use --force to skip confirmation");
  TRY(write_all(STDERR_FILENO, std::string(question) + " [yN] "));
  char buffer[64];
  ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (n <= 0) return false;
  std::string answer = lower(trim(std::string_view(buffer, static_cast<size_t>(n))));
  return answer == "y" || answer == "yes";
}

}  // namespace stack::cli
