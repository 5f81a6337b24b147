#include "cli/flags/completion.h"

#include <algorithm>

#include "base/text.h"
#include "cli/flags/commands.h"
#include "cli/flags/globals.h"

namespace stack::cli {

namespace {

class Completer {
 public:
  Completer(std::span<const std::string> words, const CompletionSources& sources)
      : before_(words.subspan(0, words.size() - 1)), typed_(words.back()), sources_(sources) {}

  std::vector<std::string> run() {
    size_t at = 0;
    // The program's flags precede the command.
    while (at < before_.size() && before_[at].size() > 1 && before_[at][0] == '-') {
      const Flag* flag = flag_of(before_[at], global_flags());
      bool has_value =
          flag && flag->takes != FlagArity::Nothing && before_[at].find('=') == std::string::npos;
      if (has_value && at + 1 >= before_.size()) return values_of(*flag);
      at += has_value ? 2 : 1;
    }
    if (at < before_.size() && before_[at] == "compose") ++at;
    std::span<const std::string> rest = before_.subspan(std::min(at, before_.size()));
    read_globals_given(before_.subspan(0, at));
    if (rest.empty()) return typed_.starts_with('-') ? flags({}) : command_names("");
    FoundCommand found = find_command(rest);
    if (!found.command) {
      if (rest.size() == 1 && is_command_family(rest[0])) return command_names(rest[0] + " ");
      return {};
    }
    return after_command(*found.command, rest.subspan(found.words_used));
  }

 private:
  std::vector<std::string> after_command(const Command& command, std::span<const std::string> rest) {
    bool inner_command =
        command.stop_at_first_word &&
        std::any_of(rest.begin(), rest.end(), [](const std::string& w) { return !w.starts_with('-'); });
    if (!rest.empty()) {
      const Flag* flag = flag_of(rest.back(), command.flags);
      if (!flag) flag = flag_of(rest.back(), global_flags());
      bool wants_value =
          flag && flag->takes != FlagArity::Nothing && rest.back().find('=') == std::string::npos;
      if (wants_value && !inner_command) return values_of(*flag);
    }
    if (inner_command) return {};
    if (typed_.starts_with('-')) return flags(command.flags);
    if (command.words_are_services) return matching(sources_.services(globals_));
    if (&command == &kHelp) return command_names("");
    if (&command == &kGenerateSystemd) return matching(sources_.projects());
    for (std::string_view kind : {"image", "volume", "network"})
      if (names_objects(command, kind)) return matching(sources_.objects(kind));
    return {};
  }

  static bool names_objects(const Command& command, std::string_view kind) {
    size_t blank = command.name.find(' ');
    if (blank == std::string_view::npos || command.name.substr(0, blank) != kind) return false;
    std::string_view verb = command.name.substr(blank + 1);
    return verb == "rm" || verb == "inspect" || verb == "tag" || verb == "history" || verb == "save" ||
           verb == "push";
  }

  static const Flag* flag_of(const std::string& word, std::span<const Flag> flags) {
    for (const Flag& flag : flags) {
      if (word.starts_with("--") &&
          word.substr(2, word.find('=') == std::string::npos ? word.npos : word.find('=') - 2) == flag.name) {
        return &flag;
      }
      if (word.size() == 2 && word[0] == '-' && flag.letter != 0 && word[1] == flag.letter) return &flag;
    }
    return nullptr;
  }

  void read_globals_given(std::span<const std::string> words) {
    Arguments unused;
    static_cast<void>(parse_flags({global_flags(), {}, false}, words, globals_, unused).has_value());
  }

  std::vector<std::string> values_of(const Flag& flag) const {
    if (flag.name == "progress") return matching({"auto", "tty", "plain", "json", "quiet"});
    if (flag.name == "ansi") return matching({"auto", "never", "always"});
    if (flag.name == "rmi") return matching({"local", "all"});
    if (flag.name == "pull") return matching({"always", "missing", "never"});
    if (flag.name == "format") return matching({"table", "json"});
    if (flag.name == "status")
      return matching({"running", "exited", "created", "paused", "restarting", "dead"});
    if (flag.name == "profile") return matching(sources_.profiles(globals_));
    if (flag.name == "signal")
      return matching({"SIGHUP", "SIGINT", "SIGQUIT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGTERM"});
    if (flag.name == "network") return matching(sources_.objects("network"));
    if (flag.name == "project-name") return matching(sources_.projects());
    if (flag.name == "attach" || flag.name == "no-attach" || flag.name == "exit-code-from") {
      return matching(sources_.services(globals_));
    }
    return {};
  }

  std::vector<std::string> matching(std::vector<std::string> answers) const {
    std::erase_if(answers, [&](const std::string& answer) { return !answer.starts_with(typed_); });
    return answers;
  }

  std::vector<std::string> flags(std::span<const Flag> own) const {
    std::vector<std::string> answers;
    for (std::span<const Flag> table : {own, global_flags()}) {
      for (const Flag& flag : table) {
        if (!flag.help.empty())
          answers.push_back("--" + std::string(flag.name) + "\t" + std::string(flag.help));
      }
    }
    return matching(std::move(answers));
  }

  // The first words of all commands, or the second words of those that begin with `family`.
  std::vector<std::string> command_names(const std::string& family) const {
    std::vector<std::string> answers;
    std::string last;
    for (const Command* command : all_commands()) {
      if (command->hidden || !command->name.starts_with(family)) continue;
      std::string name(command->name.substr(family.size()));
      size_t blank = name.find(' ');
      std::string word = name.substr(0, blank);
      if (word == last) continue;
      last = word;
      answers.push_back(word + "\t" +
                        (blank == std::string::npos ? std::string(command->summary) : word + " commands"));
    }
    return matching(std::move(answers));
  }

  std::span<const std::string> before_;
  const std::string& typed_;
  const CompletionSources& sources_;
  Arguments globals_;
};

}  // namespace

std::vector<std::string> completions(std::span<const std::string> words, const CompletionSources& sources) {
  if (words.empty()) return {};
  return Completer(words, sources).run();
}

}  // namespace stack::cli
