#include "cli/flags/commands.h"
#include "cli/flags/common_flags.h"
#include "cli/session/attach_to_running.h"
#include "cli/session/containers.h"
#include "cli/session/member.h"

namespace stack::cli {

namespace {

constexpr Flag kAttachFlags[] = {
    kIndexFlag,
    {0, "detach-keys", FlagArity::Value, "KEYS",
     "Keys that detach and leave the container running (default: ctrl-p,ctrl-q)"},
    {0, "no-stdin", FlagArity::Nothing, "", "Do not attach stdin"},
    {0, "sig-proxy", FlagArity::Nothing, "", "Forward signals to the process (default: true)"},
};
constexpr Example kAttachExamples[] = {
    {"stack attach web", "connect to its output and input; ctrl-p ctrl-q detaches"}};

Result<int> run_attach(Session& session, const Arguments& arguments) {
  auto index = arguments.number("index");
  if (!index) return session.usage_error(index.error().text());
  auto keys = DetachKeys::parse(arguments.text("detach-keys", kDefaultDetachKeys));
  if (!keys) return session.usage_error(keys.error().text());
  TRY_ASSIGN(std::string project_name, session.project_name());
  TRY_ASSIGN(Container container,
             find_container(session, project_name, arguments.words[0], index->value_or(0)));
  std::string path = "/containers/" + container.id;
  TRY_ASSIGN(Json details, session.call("GET", path + "/json"));
  const Json& config = member(details, "Config");

  Attachment attachment;
  attachment.tty = bool_or(config, "Tty");
  attachment.detach_keys = *keys;
  if (!attachment.tty && arguments.is_set("sig-proxy", true)) {
    attachment.on_signal = [&session, path](int signal) {
      static_cast<void>(session.call("POST", path + "/kill?signal=" + std::to_string(signal)).has_value());
    };
  }
  RunningAttachment target{path, bool_or(config, "OpenStdin") && !arguments.is_set("no-stdin"), {}, {}};
  TRY_ASSIGN(AttachmentEnd end, attach_to_running(session, target, std::move(attachment)));
  if (end == AttachmentEnd::Detached) return 0;
  TRY_ASSIGN(details, session.call("GET", path + "/json"));
  const Json& state = member(details, "State");
  return bool_or(state, "Running") && !bool_or(state, "Restarting")
             ? 0
             : static_cast<int>(int_or(state, "ExitCode"));
}

}  // namespace

const Command kAttach{
    .name = "attach",
    .aliases = {},
    .group = Group::Containers,
    .usage = "[OPTIONS] SERVICE",
    .summary = "Attach to the output and input of a running container",
    .details = "",
    .examples = kAttachExamples,
    .flags = kAttachFlags,
    .least_words = 1,
    .most_words = 1,
    .words_are_services = true,
    .run = run_attach,
};

}  // namespace stack::cli
