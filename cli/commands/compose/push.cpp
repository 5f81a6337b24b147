#include "cli/commands/compose/push.h"

#include <set>

#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/render/output.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Flag kPushFlags[] = {
    {'q', "quiet", FlagArity::Nothing, "", "Print only errors"},
    {0, "include-deps", FlagArity::Nothing, "", "Also push the images of dependencies"},
    {0, "ignore-push-failures", FlagArity::Nothing, "",
     "Continue after failures and report them as warnings"},
};
constexpr Example kPushExamples[] = {
    {"stack push", "push every image that a service builds"},
    {"stack push web", "push the image of one service"},
};

// The named services, with their dependencies if --include-deps is given.
std::set<std::string> selected(const Json& services, const std::vector<std::string>& names,
                               bool with_dependencies) {
  std::set<std::string> out;
  std::vector<std::string> left = names;
  if (left.empty())
    for (const auto& [name, service] : services.items()) left.push_back(name);
  while (!left.empty()) {
    std::string name = std::move(left.back());
    left.pop_back();
    if (!out.insert(name).second || !with_dependencies) continue;
    const Json& needed = member(member(services, name), "depends_on");
    if (needed.is_object())
      for (const auto& [other, condition] : needed.items()) left.push_back(other);
  }
  return out;
}

}  // namespace

Result<int> push_services(Session& session, const ResolvedProject& project,
                          const std::vector<std::string>& services, bool with_dependencies,
                          const ImageTransferOptions& options) {
  const Json& all = member(project.project, "services");
  if (!all.is_object()) return 0;
  std::vector<std::string> images;
  for (const std::string& name : selected(all, services, with_dependencies)) {
    const Json& service = member(all, name);
    std::string image = string_or(service, "image");
    // Images without `build` came from a registry.
    if (!image.empty() && member(service, "build").is_object()) images.push_back(std::move(image));
  }
  if (images.empty()) {
    print_message("nothing to push: no service has both `build` and `image`");
    return 0;
  }
  return transfer_images(session, images, options);
}

namespace {

Result<int> run_push(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  ImageTransferOptions options;
  options.push = true;
  options.quiet = arguments.is_set("quiet");
  options.ignore_failures = arguments.is_set("ignore-push-failures");
  return push_services(session, project, arguments.words, arguments.is_set("include-deps"), options);
}

}  // namespace

const Command kPush{
    .name = "push",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Push service images",
    .details = "Pushes services that have both `build` and `image`. The image name selects the registry.",
    .examples = kPushExamples,
    .flags = kPushFlags,
    .words_are_services = true,
    .run = run_push,
};

}  // namespace stack::cli
