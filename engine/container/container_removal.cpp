#include "engine/container/container_removal.h"

#include <fcntl.h>

#include <cstdlib>
#include <utility>

#include "base/fd.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "engine/container/leftovers.h"

namespace stack::engine {

namespace {

constexpr size_t kRemembered = 1000;

}  // namespace

std::optional<int> ContainerRemoval::exit_code_of(const std::string& id) const {
  for (const auto& [removed, exit_code] : removed_)
    if (removed == id) return exit_code;
  return std::nullopt;
}

void ContainerRemoval::load() {
  Result<std::string> text = read_file(context_.paths.exit_codes());
  for (const std::string& line : split(text.value_or(""), '\n')) {
    std::vector<std::string> words = split(line, ' ');
    if (words.size() == 2) removed_.emplace_back(words[0], std::atoi(words[1].c_str()));
  }
  lines_ = removed_.size();
  while (removed_.size() > kRemembered) removed_.pop_front();
  shorten_file();
}

void ContainerRemoval::shorten_file() {
  if (lines_ <= 2 * kRemembered) return;
  lines_ = removed_.size();
  std::string kept;
  for (const auto& [id, exit_code] : removed_) kept += id + " " + std::to_string(exit_code) + "\n";
  if (Result<> written = write_file_atomic(context_.paths.exit_codes(), kept, 0600); !written)
    log_warning(written.error().text());
}

void ContainerRemoval::remember(const Container& container) {
  const std::string& id = container.id.text();
  removed_.emplace_back(id, container.state.exit_code);
  if (removed_.size() > kRemembered) removed_.pop_front();
  Fd file(::open(context_.paths.exit_codes().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  Result<> written = file ? write_all(file.get(), id + " " + std::to_string(container.state.exit_code) + "\n")
                          : Result<>(Error::last_errno("open " + context_.paths.exit_codes()));
  if (!written) log_warning(written.error().text());
  ++lines_;
  shorten_file();
}

Task<> ContainerRemoval::discard(ContainerPtr container) {
  if (container->spec.auto_remove) remember(*container);
  auto work = [paths = context_.paths, id = container->id, name = container->spec.name,
               cgroup = facts_.cgroup_path(*container), cgroups = parts_.cgroups, &store = parts_.volumes,
               volumes = volumes_.owned_by(*container)] {
    auto note = [&name](const Result<>& done) {
      if (!done && done.error().kind() != ErrorKind::NotFound)
        log_warning("container " + name + ": " + done.error().text());
    };
    for (const std::string& volume : volumes) note(store.remove(volume, {}));
    note(remove_container_folder(paths, id));
    note(remove_tree(paths.container_run(id)));
    if (cgroups.exists(cgroup)) note(cgroups.remove(cgroup));
    return true;
  };
  co_await offload(context_.pool, work);
  parts_.networks.forget(*container);
  (void)context_.store.remove(Table::Containers, container->id.text());
  if (!container->spec.auto_remove) context_.note_record(Table::Containers, container->id.text());
  context_.containers.erase(container->id);
  (void)container->take(LifeEvent::Discarded);
  for (auto& attach : std::exchange(container->waiting_attaches, {}))
    attach.done(not_found("container " + container->spec.name + " was removed"));
  container->changed.notify_all();
}

}  // namespace stack::engine
