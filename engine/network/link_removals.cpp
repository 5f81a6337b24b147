#include "engine/network/link_removals.h"

#include <utility>

#include "net/link/link.h"

namespace stack::engine {

// Not on the engine's thread, because of the time under the kernel's lock.
Task<> LinkRemovals::run() {
  while (next_) {
    std::shared_ptr<Batch> batch = std::exchange(next_, nullptr);
    auto work = [netns = state_.host->netns(), links = batch->links]() -> Result<> {
      TRY_ASSIGN(net::Host own_host, net::Host::open(netns));
      return net::remove_links(own_host, links);
    };
    Result<> outcome = co_await offload(state_.context.pool, work);
    batch->outcome = std::move(outcome);
    batch->ended.notify_all();
  }
  running_ = false;
}

Task<Result<>> LinkRemovals::remove(std::vector<std::string> links) {
  if (links.empty()) co_return Result<>();
  if (!next_) next_ = std::make_shared<Batch>(state_.context.io);
  std::shared_ptr<Batch> batch = next_;
  batch->links.insert(batch->links.end(), links.begin(), links.end());
  if (!std::exchange(running_, true)) start(state_.context.io, run());
  while (!batch->outcome) co_await batch->ended.wait();
  co_return *batch->outcome;
}

}  // namespace stack::engine
