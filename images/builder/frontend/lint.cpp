#include "images/builder/frontend/lint.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "images/builder/frontend/flags.h"
#include "images/builder/frontend/words.h"
#include "model/image_reference.h"

namespace stack::builder {

namespace {

constexpr std::array<std::string_view, 12> kSecretWords = {"apikey", "auth",     "credential", "credentials",
                                                           "key",    "password", "pword",      "passwd",
                                                           "secret", "secrets",  "token",      "tokens"};

enum class Casing { Upper, Lower, Mixed };

std::string written_keyword(const Instruction& instruction) {
  size_t end = 0;
  while (end < instruction.text.size() && !is_space(instruction.text[end])) ++end;
  return instruction.text.substr(0, end);
}

Casing casing_of(const std::string& word) {
  if (word == upper(word)) return Casing::Upper;
  return word == lower(word) ? Casing::Lower : Casing::Mixed;
}

// One part of the name, between underscores or dashes, indicates a secret.
bool names_a_secret(const std::string& name) {
  std::string text = lower(name);
  std::replace(text.begin(), text.end(), '-', '_');
  bool secret = false;
  for (const std::string& part : split(text, '_')) {
    if (part == "public" || part == "file") return false;
    secret = secret || std::find(kSecretWords.begin(), kSecretWords.end(), part) != kSecretWords.end();
  }
  return secret;
}

class Linter {
 public:
  explicit Linter(const LintInput& input) : input_(input) {}

  std::vector<SourceWarning> run() {
    out_ = input_.file.warnings;  // NoEmptyContinuation, from the parser
    keyword_casing();
    for (const Instruction& instruction : input_.file.instructions) check(instruction);
    std::stable_sort(out_.begin(), out_.end(),
                     [](const SourceWarning& a, const SourceWarning& b) { return a.line < b.line; });
    return std::move(out_);
  }

 private:
  void warn(const Instruction& instruction, const char* rule, std::string text) {
    out_.push_back({instruction.line, rule, std::move(text)});
  }

  void keyword_casing() {
    size_t lower_case = 0;
    size_t upper_case = 0;
    for (const Instruction& instruction : input_.file.instructions) {
      Casing casing = casing_of(written_keyword(instruction));
      lower_case += casing == Casing::Lower ? 1 : 0;
      upper_case += casing == Casing::Upper ? 1 : 0;
    }
    bool majority_is_lower = lower_case > upper_case;
    for (const Instruction& instruction : input_.file.instructions) {
      std::string word = written_keyword(instruction);
      Casing casing = casing_of(word);
      if (casing == (majority_is_lower ? Casing::Lower : Casing::Upper)) continue;
      warn(instruction, "ConsistentInstructionCasing",
           "command \"" + word + "\" should match the case of the command majority (" +
               (majority_is_lower ? "lowercase" : "uppercase") + ")");
    }
  }

  void check(const Instruction& instruction) {
    const std::string& keyword = instruction.keyword;
    if (keyword == "from") return from(instruction);
    if (keyword == "arg") return arg(instruction);
    if (keyword == "env" || keyword == "label") return pairs(instruction);
    if (keyword == "maintainer")
      return warn(instruction, "MaintainerDeprecated",
                  "MAINTAINER is deprecated: use LABEL org.opencontainers.image.authors instead");
    if (keyword == "shell") own_shell_ = true;
    if (keyword == "cmd" || keyword == "entrypoint" || keyword == "healthcheck") return command(instruction);
    if (keyword == "workdir") return workdir(instruction);
    if (keyword == "expose") return expose(instruction);
    if (keyword == "copy" || keyword == "add") return copy(instruction);
  }

  // --- FROM ---

  Expander expander_over(const std::map<std::string, std::string>& values,
                         std::set<std::string>* unset) const {
    Expander out;
    out.escape = input_.file.escape;
    out.unset = unset;
    out.variables = [&values](std::string_view name) -> std::optional<std::string> {
      auto found = values.find(std::string(name));
      if (found == values.end()) return std::nullopt;
      return found->second;
    };
    return out;
  }

  void from(const Instruction& instruction) {
    in_stage_ = true;
    own_shell_ = false;
    absolute_workdir_ = false;
    last_of_.clear();
    if (!instruction.words.empty()) base(instruction);
    if (instruction.words.size() == 3) stage_name(instruction);
    platform_flag(instruction);
    describe(instruction, instruction.words.size() == 3 ? instruction.words[2] : "");
  }

  void base(const Instruction& instruction) {
    const std::string& text = instruction.words[0];
    std::set<std::string> unset;
    std::map<std::string, std::string> declared = defaults_;
    for (const std::string& name : declared_) declared.emplace(name, "");
    for (const auto& [name, value] : input_.platform_args) declared.emplace(name, value);
    (void)expander_over(declared, &unset).word(text);
    for (const std::string& name : unset) {
      std::vector<std::string> known(declared_.begin(), declared_.end());
      std::string near = nearest(name, known);
      warn(instruction, "UndefinedArgInFrom",
           "FROM argument '" + name + "' is not declared" +
               (near.empty() ? "" : " (did you mean " + near + "?)"));
    }
    if (!unset.empty() || text.find('$') == std::string::npos) return;
    Result<std::string> by_default = expander_over(declared, nullptr).word(text);
    if (!by_default) return;
    bool is_stage = stages_.contains(lower(*by_default));
    if (by_default->empty() || (!is_stage && *by_default != "scratch" && !parse_reference(*by_default)))
      warn(instruction, "InvalidDefaultArgInFrom",
           "default value for ARG " + text + " results in empty or invalid base image name");
  }

  void stage_name(const Instruction& instruction) {
    const std::string& name = instruction.words[2];
    if (name != lower(name))
      warn(instruction, "StageNameCasing", "stage name '" + name + "' should be lowercase");
    Casing from_case = casing_of(written_keyword(instruction));
    if (casing_of(instruction.words[1]) != from_case)
      warn(instruction, "FromAsCasing",
           "'" + instruction.words[1] + "' and '" + written_keyword(instruction) +
               "' keywords' casing do not match");
    if (lower(name) == "scratch" || lower(name) == "context")
      warn(instruction, "ReservedStageName",
           "stage name should not use the same name as reserved stage \"" + lower(name) + "\"");
    if (!stages_.insert(lower(name)).second)
      warn(instruction, "DuplicateStageName",
           "duplicate stage name \"" + lower(name) + "\", stage names should be unique");
  }

  void platform_flag(const Instruction& instruction) {
    Result<Flags> flags = Flags::parse(instruction, known_flags("from"));
    if (!flags || !flags->find("platform")) return;
    std::string text = flags->value("platform");
    if (text == "$TARGETPLATFORM" || text == "${TARGETPLATFORM}") {
      warn(
          instruction, "RedundantTargetPlatform",
          "setting platform to predefined " + text + " in FROM is redundant as this is the default behavior");
    } else if (text.find('$') == std::string::npos) {
      warn(instruction, "FromPlatformFlagConstDisallowed",
           "FROM --platform flag should not use constant value \"" + text + "\"");
    }
  }

  // InvalidDefinitionDescription: a comment right above an item must describe it by name.
  void describe(const Instruction& instruction, const std::string& name) {
    if (name.empty() || instruction.line < 2) return;
    size_t above = static_cast<size_t>(instruction.line) - 2;
    if (above >= input_.file.lines.size()) return;
    std::string_view line = trim(input_.file.lines[above]);
    if (!line.starts_with('#')) return;
    std::string comment(trim(line.substr(1)));
    if (comment.starts_with("check=") || comment.starts_with("syntax=") || comment.starts_with("escape="))
      return;
    if (comment != name && !comment.starts_with(name + " "))
      warn(instruction, "InvalidDefinitionDescription",
           "comment for " + std::string(instruction.keyword == "from" ? "build stage" : "build argument") +
               " should follow the format: `# " + name + " <description>`");
  }

  // --- the others ---

  void arg(const Instruction& instruction) {
    for (const std::string& word : instruction.words) {
      size_t equals = word.find('=');
      std::string name = word.substr(0, equals);
      if (names_a_secret(name)) secret(instruction, name);
      describe(instruction, instruction.words.size() == 1 ? name : "");
      if (in_stage_) continue;
      declared_.insert(name);
      if (equals == std::string::npos) continue;
      Result<std::string> value = expander_over(defaults_, nullptr).word(word.substr(equals + 1));
      if (value) defaults_[name] = *value;
    }
  }

  void secret(const Instruction& instruction, const std::string& name) {
    warn(instruction, "SecretsUsedInArgOrEnv",
         "do not use ARG or ENV instructions for sensitive data (" + upper(instruction.keyword) + " \"" +
             name + "\")");
  }

  void pairs(const Instruction& instruction) {
    for (size_t i = 0; i + 2 < instruction.words.size(); i += 3) {
      const std::string& name = instruction.words[i];
      if (instruction.words[i + 2].empty())
        warn(instruction, "LegacyKeyValueFormat",
             "\"" + upper(instruction.keyword) + " key=value\" should be used instead of legacy \"" +
                 upper(instruction.keyword) + " key value\" format");
      if (instruction.keyword == "env" && names_a_secret(name)) secret(instruction, name);
    }
  }

  void command(const Instruction& instruction) {
    std::string name = upper(instruction.keyword);
    auto [former, first] = last_of_.emplace(name, &instruction);
    if (!first) {
      warn(*former->second, "MultipleInstructionsDisallowed",
           "multiple " + name +
               " instructions should not be used in the same stage because only the last one will be used");
      former->second = &instruction;
    }
    bool shell_form = instruction.keyword != "healthcheck" && !instruction.json;
    if (shell_form && !own_shell_)
      warn(
          instruction, "JSONArgsRecommended",
          "JSON arguments recommended for " + name + " to prevent unintended behavior related to OS signals");
  }

  void workdir(const Instruction& instruction) {
    if (instruction.words.empty()) return;
    const std::string& path = instruction.words[0];
    if (path.starts_with('/') || path.starts_with('$')) {
      absolute_workdir_ = true;
    } else if (!absolute_workdir_) {
      absolute_workdir_ = true;  // reported once per stage
      warn(instruction, "WorkdirRelativePath",
           "relative workdir \"" + path + "\" can have unexpected results if the base image changes");
    }
  }

  void expose(const Instruction& instruction) {
    for (const std::string& word : instruction.words) {
      size_t slash = word.find('/');
      std::string protocol = slash == std::string::npos ? "" : word.substr(slash + 1);
      if (protocol != lower(protocol) && protocol.find('$') == std::string::npos)
        warn(instruction, "ExposeProtoCasing",
             "defined protocol '" + word + "' in EXPOSE instruction should be lowercase");
      if (word.substr(0, slash).find(':') != std::string::npos && word.find('$') == std::string::npos)
        warn(instruction, "ExposeInvalidFormat",
             "EXPOSE instruction should not define an IP address or host-port mapping, found '" + word + "'");
    }
  }

  void copy(const Instruction& instruction) {
    if (input_.ignore.empty()) return;
    for (const std::string& flag : instruction.flags)
      if (flag.starts_with("--from=")) return;
    for (size_t i = 0; i + 1 < instruction.words.size(); ++i) {
      const std::string& source = instruction.words[i];
      bool plain = source.find('$') == std::string::npos && source.find("<<") == std::string::npos &&
                   source.find("://") == std::string::npos && !has_wildcards(source);
      if (!plain) continue;
      std::string path = source;
      while (path.starts_with('/') || path.starts_with("./")) path.erase(0, path[0] == '/' ? 1 : 2);
      while (path.ends_with('/')) path.pop_back();
      if (path.empty() || path == "." || !input_.ignore.excluded(path)) continue;
      if (input_.ignore.may_reinclude_below(path)) continue;
      warn(instruction, "CopyIgnoredFile",
           "attempting to " + upper(instruction.keyword) + " file \"" + source +
               "\" that is excluded by .dockerignore");
    }
  }

  const LintInput& input_;
  std::vector<SourceWarning> out_;
  bool in_stage_ = false;
  bool own_shell_ = false;
  bool absolute_workdir_ = false;
  std::set<std::string> stages_;
  std::set<std::string> declared_;               // global ARGs
  std::map<std::string, std::string> defaults_;  // and their defaults
  std::map<std::string, const Instruction*> last_of_;
};

std::set<std::string> rule_list(std::string_view text, bool& all) {
  std::set<std::string> out;
  for (const std::string& item : split(text, ',')) {
    std::string name = lower(trim(item));
    if (name == "all") all = true;
    if (!name.empty()) out.insert(name);
  }
  return out;
}

}  // namespace

bool CheckConfig::wants(std::string_view rule) const {
  std::string name = lower(rule);
  if (skip_all || skip.contains(name)) return false;
  return rule != "InvalidDefinitionDescription" || experimental_all || experimental.contains(name);
}

Result<CheckConfig> parse_check_config(std::string_view text) {
  CheckConfig out;
  for (const std::string& part : split(text, ';')) {
    std::string option(trim(part));
    if (option.empty()) continue;
    size_t equals = option.find('=');
    std::string key(trim(option.substr(0, equals)));
    std::string value(equals == std::string::npos ? "" : trim(std::string_view(option).substr(equals + 1)));
    if (key == "skip") {
      out.skip = rule_list(value, out.skip_all);
    } else if (key == "experimental") {
      out.experimental = rule_list(value, out.experimental_all);
    } else if (key == "error") {
      if (value != "true" && value != "false")
        return invalid("check: error must be true or false, not: " + value);
      out.error = value == "true";
    } else {
      return invalid("check: unknown option \"" + key + "\" (skip, experimental, error)");
    }
  }
  return out;
}

CheckConfig config_at(const CheckConfig& general, const Dockerfile& file, int line) {
  CheckConfig out = general;
  for (size_t i = static_cast<size_t>(std::max(line, 1)) - 1; i-- > 0 && i < file.lines.size();) {
    std::string_view text = trim(file.lines[i]);
    if (!text.starts_with('#')) break;
    std::string_view comment = trim(text.substr(1));
    if (!comment.starts_with("check=")) continue;
    if (Result<CheckConfig> own = parse_check_config(comment.substr(6))) {
      out.skip_all = out.skip_all || own->skip_all;
      out.skip.insert(own->skip.begin(), own->skip.end());
    }
  }
  return out;
}

const std::vector<std::string>& lint_rules() {
  static const std::vector<std::string> kRules = {"StageNameCasing",
                                                  "FromAsCasing",
                                                  "NoEmptyContinuation",
                                                  "ConsistentInstructionCasing",
                                                  "DuplicateStageName",
                                                  "ReservedStageName",
                                                  "JSONArgsRecommended",
                                                  "MaintainerDeprecated",
                                                  "UndefinedArgInFrom",
                                                  "WorkdirRelativePath",
                                                  "UndefinedVar",
                                                  "MultipleInstructionsDisallowed",
                                                  "LegacyKeyValueFormat",
                                                  "InvalidBaseImagePlatform",
                                                  "RedundantTargetPlatform",
                                                  "SecretsUsedInArgOrEnv",
                                                  "InvalidDefaultArgInFrom",
                                                  "FromPlatformFlagConstDisallowed",
                                                  "CopyIgnoredFile",
                                                  "InvalidDefinitionDescription",
                                                  "ExposeProtoCasing",
                                                  "ExposeInvalidFormat"};
  return kRules;
}

std::vector<SourceWarning> lint(const LintInput& input) {
  Linter linter(input);
  return linter.run();
}

}  // namespace stack::builder
