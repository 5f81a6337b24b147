// The two pattern languages of Dockerfiles.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace stack {

// COPY sources: '*' and '?' do not cross '/', [a-z] and [^a-z] classes, '\' escapes (Go's filepath.Match).
// False for a malformed pattern: check_glob() first.
bool glob_matches(std::string_view pattern, std::string_view name);
// Also supports `**` between slashes for any number of directories, like COPY --parents.
bool deep_glob_matches(std::string_view pattern, std::string_view name);
Result<> check_glob(std::string_view pattern);
bool has_wildcards(std::string_view pattern);

// .dockerignore and COPY --exclude: the last match wins, '!' re-includes, a matched directory includes everything below it,
// `**` matches any number of directories. https://docs.docker.com/build/concepts/context/#dockerignore-files
class IgnoreRules {
 public:
  // Text of a .dockerignore file. Errors name the line.
  static Result<IgnoreRules> parse(std::string_view text);
  static Result<IgnoreRules> from_patterns(const std::vector<std::string>& patterns);

  bool empty() const { return rules_.empty(); }
  // Whether a path, relative to the context and without a leading slash, is excluded.
  bool excluded(std::string_view path) const;
  // The line of the rule that excluded it; 0 if it is not excluded.
  int excluding_line(std::string_view path) const;
  // Whether a path below this excluded directory may be re-included.
  bool may_reinclude_below(std::string_view directory) const;

 private:
  struct Rule {
    std::string pattern;
    bool negated = false;
    int line = 0;
  };
  Result<> add(std::string_view pattern, int line);
  const Rule* deciding_rule(std::string_view path) const;
  std::vector<Rule> rules_;
  bool has_negations_ = false;
};

}  // namespace stack
