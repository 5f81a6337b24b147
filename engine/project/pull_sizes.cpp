#include "engine/project/pull_sizes.h"

#include "base/units.h"

namespace stack::engine {

namespace {

constexpr std::chrono::seconds kPatience{5};

struct Lookups {
  explicit Lookups(asio::io_context& io) : changed(io) {}
  Signal changed;
  size_t left = 0;
  std::map<orchestrator::ActionId, int64_t> sizes;  // bytes
};

Task<> look_up(std::shared_ptr<Lookups> lookups, RegistryService& registries, orchestrator::ActionId id,
               RegistryService::Wanted wanted, std::stop_token stop) {
  Result<images::registry::Found> found = co_await registries.look_up(std::move(wanted), stop);
  if (found && found->size > 0) lookups->sizes[id] = found->size;
  --lookups->left;
  lookups->changed.notify_all();
}

bool is_docker_hub(const std::string& name) {
  Result<Reference> reference = parse_reference(name);
  return !reference || reference->domain == "docker.io";
}

}  // namespace

Task<> add_pull_sizes(orchestrator::Plan& plan, Context& context, RegistryService& registries,
                      Caller caller) {
  auto lookups = std::make_shared<Lookups>(context.io);
  std::stop_source stop;
  for (const orchestrator::Action& action : plan.actions) {
    const auto* pull = std::get_if<orchestrator::PullImage>(&action.body);
    // Docker Hub counts every manifest request as a pull, and limits pulls.
    if (pull == nullptr || is_docker_hub(pull->reference)) continue;
    ++lookups->left;
    RegistryService::Wanted wanted{pull->reference, pull->platform, caller};
    start(context.io, look_up(lookups, registries, action.id, std::move(wanted), stop.get_token()));
  }
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  bool in_time = true;
  while (lookups->left > 0 && in_time) in_time = co_await lookups->changed.wait_until(deadline);
  stop.request_stop();
  for (const auto& [id, size] : lookups->sizes)
    plan.actions[static_cast<size_t>(id - 1)].cause += "; " + decimal_size({size});
}

}  // namespace stack::engine
