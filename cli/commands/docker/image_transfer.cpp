// `stack image pull` and `stack image push`.
#include "cli/session/image_transfer.h"

#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"

namespace stack::cli {

namespace {

constexpr Flag kPullFlags[] = {
    {0, "platform", FlagArity::Value, "PLATFORM",
     "Platform of a multi-platform image: OS/ARCHITECTURE[/VARIANT]"},
    {'q', "quiet", FlagArity::Nothing, "", "Print only errors"},
};
constexpr Flag kPushFlags[] = {{'q', "quiet", FlagArity::Nothing, "", "Print only errors"}};
constexpr Example kPullExamples[] = {
    {"stack image pull nginx:1.27", "pull from Docker Hub"},
    {"stack image pull --platform linux/arm64 ghcr.io/team/app", "pull the image for another platform"},
};
constexpr Example kPushExamples[] = {
    {"stack image push ghcr.io/team/app:1.2", "push to the registry in the image name"}};

Result<int> run_pull(Session& session, const Arguments& arguments) {
  ImageTransferOptions options;
  options.platform = arguments.text("platform");
  options.quiet = arguments.is_set("quiet");
  return transfer_images(session, arguments.words, options);
}

Result<int> run_push(Session& session, const Arguments& arguments) {
  ImageTransferOptions options;
  options.push = true;
  options.quiet = arguments.is_set("quiet");
  return transfer_images(session, arguments.words, options);
}

}  // namespace

const Command kImagePull{
    .name = "image pull",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE...",
    .summary = "Pull images from their registries",
    .details = "The next pull resumes an interrupted one.",
    .examples = kPullExamples,
    .flags = kPullFlags,
    .least_words = 1,
    .run = run_pull,
};

const Command kImagePush{
    .name = "image push",
    .aliases = {},
    .group = Group::Objects,
    .usage = "[OPTIONS] IMAGE...",
    .summary = "Push images to their registries",
    .details = "The image name selects the registry: build the image under that name, or tag it.",
    .examples = kPushExamples,
    .flags = kPushFlags,
    .least_words = 1,
    .run = run_push,
};

}  // namespace stack::cli
