#include "cli/completion_scripts.h"
#include "cli/flags/commands.h"
#include "cli/render/output.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Example kCompletionExamples[] = {
    {"source <(stack completion bash)", "enable completion in this shell"},
    {"stack completion fish > ~/.config/fish/completions/stack.fish", "install completion permanently"},
};

Result<int> run_completion(Session& session, const Arguments& arguments) {
  const std::string& shell = arguments.words[0];
  if (shell == "bash") {
    print(kBashCompletion);
  } else if (shell == "zsh") {
    print(kZshCompletion);
  } else if (shell == "fish") {
    print(kFishCompletion);
  } else {
    return session.usage_error("no completion for \"" + shell + "\": must be bash, zsh, or fish");
  }
  return 0;
}

}  // namespace

const Command kCompletion{
    .name = "completion",
    .aliases = {},
    .group = Group::Other,
    .usage = "bash|zsh|fish",
    .summary = "Print the completion script for a shell",
    .details = "",
    .examples = kCompletionExamples,
    .flags = {},
    .least_words = 1,
    .most_words = 1,
    .run = run_completion,
};

}  // namespace stack::cli
