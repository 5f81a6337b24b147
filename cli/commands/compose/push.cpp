#include "cli/commands/compose/push.h"

#include <set>

#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Flag kPushFlags[] = {
    {'q', "quiet", FlagArity::Nothing, "", "Print nothing but errors"},
    {0, "include-deps", FlagArity::Nothing, "", "Push the images of the services depended on too"},
    {0, "ignore-push-failures", FlagArity::Nothing, "", "Push what can be pushed; failures are warnings"},
};
constexpr Example kPushExamples[] = {
    {"stack push", "every image that a service builds"},
    {"stack push web", "one service's"},
};

// The named services, and what they depend on where that is asked for.
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
    // Images that nobody builds here came from a registry.
    if (!image.empty() && member(service, "build").is_object()) images.push_back(std::move(image));
  }
  if (images.empty()) return invalid("no service has both `build` and `image`: there is nothing to push");
  return transfer_images(session, images, options);
}

namespace {

Result<int> run_push(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(ResolvedProject project, load_for(session, arguments.words));
  ImageTransferOptions options;
  options.push = true;
  options.quiet = arguments.on("quiet");
  options.ignore_failures = arguments.on("ignore-push-failures");
  return push_services(session, project, arguments.words, arguments.on("include-deps"), options);
}

}  // namespace

const Command kPush{
    .name = "push",
    .aliases = {},
    .group = Group::Images,
    .usage = "[OPTIONS] [SERVICE...]",
    .summary = "Push the images that services build",
    .details =
        "A service is pushed that has both `build` and `image`; the image's name says to which registry.",
    .examples = kPushExamples,
    .flags = kPushFlags,
    .words_are_services = true,
    .run = run_push,
};

}  // namespace stack::cli
