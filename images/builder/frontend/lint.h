// The build checks: valid Dockerfile content that is probably a mistake.
// https://docs.docker.com/reference/build-checks/
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/glob.h"
#include "base/result.h"
#include "images/builder/frontend/dockerfile.h"

namespace stack::builder {

// "# check=skip=RuleA,RuleB;error=true", or the build argument BUILDKIT_DOCKERFILE_CHECK.
struct CheckConfig {
  bool skip_all = false;
  std::set<std::string> skip;  // lower case
  bool experimental_all = false;
  std::set<std::string> experimental;  // lower case
  bool error = false;                  // a warning fails the build

  bool wants(std::string_view rule) const;
};
Result<CheckConfig> parse_check_config(std::string_view text);

struct LintInput {
  const Dockerfile& file;
  const IgnoreRules& ignore;                         // of the context
  std::string target_platform;                       // "linux/amd64"
  std::map<std::string, std::string> platform_args;  // TARGETARCH and others that FROM can use undeclared
};

// All warnings that depend on the text alone, in line order. UndefinedVar and InvalidBaseImagePlatform need the
// base images: the solver reports them.
std::vector<SourceWarning> lint(const LintInput& input);

// All rules, in their usual order.
const std::vector<std::string>& lint_rules();
// The comment right above an instruction, "# check=...", applies to it too.
CheckConfig config_at(const CheckConfig& general, const Dockerfile& file, int line);

}  // namespace stack::builder
