#include "engine/container/container_facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/files.h"
#include "base/process.h"
#include "engine/container/container_run.h"
#include "engine/container/signal_name.h"
#include "engine/logs/log_settings.h"
#include "runtime/rootfs/rootfs_view.h"

namespace stack::engine {

Result<ImageDefaults> ContainerFacts::image_defaults(const Container& container) const {
  Result<images::Image> image = parts_.images.resolve(container.image_id);
  if (!image) return std::move(image).error();
  const images::ImageConfig& config = image->config();
  return ImageDefaults{config.entrypoint,  config.cmd,  config.env,
                       config.working_dir, config.user, config.stop_signal};
}

std::string ContainerFacts::log_path(const Container& container) const {
  return context_.paths.container(container.id) + "/" + container.id.text() + "-json.log";
}

std::string ContainerFacts::own_file(const Container& container, const std::string& name) const {
  std::string path = context_.paths.container(container.id) + "/" + name;
  return path_exists(path) ? path : "";
}

namespace {

std::string machine_hostname() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "localhost";
}

}  // namespace

std::string ContainerFacts::hostname_of(const Container& container) const {
  const ContainerSpec& spec = container.spec;
  if (!spec.hostname.empty()) return spec.hostname;
  if (spec.network_mode == "host" || spec.uts_mode == "host") return machine_hostname();
  if (spec.network_mode.starts_with("container:")) {
    ContainerPtr owner = context_.find_container(spec.network_mode.substr(10));
    // Ends, because creation refuses an owner that itself shares another's network.
    if (owner && owner.get() != &container) return hostname_of(*owner);
  }
  return container.short_id();
}

namespace {

// The root directory of a running container as its processes see it, with volumes and other mounts; empty if it is
// not running.
Fd root_of_process(const Container& container) {
  if (!container.has_process() || container.state.pid <= 0) return {};
  std::string path = "/proc/" + std::to_string(container.state.pid) + "/root";
  Fd root(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  // Checked after opening: the PID then did not yet belong to another process.
  bool alive = root && signal_pidfd(container.run->process->pidfd.get(), 0).has_value();
  // A process that called chroot(2) does not see the container's root.
  struct statx info{};
  bool whole = alive && ::statx(root.get(), "", AT_EMPTY_PATH, 0, &info) == 0 &&
               (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return whole ? std::move(root) : Fd();
}

}  // namespace

Task<std::vector<std::string>> ContainerFacts::environment_of(ContainerPtr container) const {
  Result<ImageDefaults> image = image_defaults(*container);
  Result<runtime::User> user = co_await resolve_user(container, container->spec.user);
  co_return environment(container->spec, image ? *image : ImageDefaults{}, hostname_of(*container),
                        user ? user->home : "/");
}

Result<std::function<Result<runtime::User>()>> ContainerFacts::user_lookup(const Container& container,
                                                                           const std::string& user) const {
  TRY_ASSIGN(images::Image image, parts_.images.resolve(container.image_id));
  std::string name = user.empty() ? image.config().user : user;
  std::vector<std::string> groups = container.spec.group_add;
  if (Fd root = root_of_process(container))
    return std::function([held = std::make_shared<Fd>(std::move(root)), name, groups] {
      return runtime::resolve_user_in_root(name, held->get(), groups);
    });
  // The container's own changes are on top of the image's layers.
  std::vector<std::string> layers;
  std::string upper = upper_directory(container);
  if (is_directory(upper)) layers.push_back(upper);
  layers.insert(layers.end(), image.layer_dirs.begin(), image.layer_dirs.end());
  return std::function([layers, name, groups]() -> Result<runtime::User> {
    if (layers.empty()) return runtime::resolve_user(name, "", "");
    TRY_ASSIGN(Fd view, runtime::open_rootfs_view(layers));
    return runtime::resolve_user_in_root(name, view.get(), groups);
  });
}

Task<Result<runtime::User>> ContainerFacts::resolve_user(ContainerPtr container, std::string user) const {
  Result<std::function<Result<runtime::User>()>> lookup = user_lookup(*container, user);
  CO_TRY(lookup);
  co_return co_await offload(context_.pool, *lookup);
}

Result<int> ContainerFacts::stop_signal(const Container& container) const {
  std::string signal = container.spec.stop_signal;
  if (signal.empty()) {
    Result<ImageDefaults> image = image_defaults(container);
    if (image) signal = image->stop_signal;
  }
  return parse_signal(signal.empty() ? "SIGTERM" : signal);
}

Task<Result<runtime::LogSettings>> ContainerFacts::log_settings_of(ContainerPtr container) const {
  Result<LogPlan> plan = plan_log(container->spec.log);
  CO_TRY(plan);
  bound_log(context_.settings.log_total, *plan);
  LogSubject subject;
  subject.facts = {container->id.text(), container->spec.name, container->image_id, container->spec.image};
  subject.labels = container->spec.labels;
  if (!plan->env.empty() || !plan->env_regex.empty()) {
    std::vector<std::string> env = co_await environment_of(container);
    subject.env = std::move(env);
  }
  co_return log_settings(*plan, subject, log_path(*container)).in("logging");
}

}  // namespace stack::engine
