#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

constexpr Flag kDeployFlags[] = {
    {0, "push-to", FlagArity::Value, "REGISTRY", "Push the images that the project builds to this registry"},
    {0, "strict", FlagArity::Nothing, "", "Fail if a key of the model is lost"},
    {0, "arch", FlagArity::Value, "ARCH",
     "Architecture of the nodes: amd64 or arm64 (default: this machine's)"},
    {0, "wait-timeout", FlagArity::Value, "SECONDS", "Fail if a service is not ready after this time"},
    {'d', "detach", FlagArity::Nothing, "", "Do not wait until the services are ready"},
    kNoBuildFlag,
    {0, "with-registry-auth", FlagArity::Nothing, "",
     "Store your credentials for the project's registries in the cluster, for pulling images"},
};
constexpr Example kDeployExamples[] = {
    {"stack deploy --target kubernetes", "apply the project to the current context and wait"},
    {"stack deploy --target kubernetes --push-to registry.example:5000", "build, push, and deploy by digest"},
    {"stack --host tcp://manager:2376 deploy --target swarm", "deploy to a Docker swarm through its manager"},
    {"stack plan --target kubernetes", "show what `deploy` would change and why"},
};

Result<int> run_deploy(Session& session, const Arguments&) {
  return session.usage_error(
      "deploy requires a cluster: --target kubernetes or --target swarm (`stack up` runs " +
      std::string("the project on this machine)"));
}

}  // namespace

const Command kDeploy{
    .name = "deploy",
    .aliases = {},
    .group = Group::Project,
    .usage = "[OPTIONS]",
    .summary = "Deploy the project to a cluster and wait until it is ready",
    .details =
        "Applies all objects of the project, removes those that are no longer in the files, and waits until\n"
        "every service is ready and every one-shot service has finished. The exit code is that of a "
        "one-shot\n"
        "service that failed. See docs/BEYOND.md.",
    .examples = kDeployExamples,
    .flags = kDeployFlags,
    .most_words = 0,
    .run = run_deploy,
};

}  // namespace stack::cli
