#include "images/source/registry/blob_fetch.h"

#include <condition_variable>
#include <mutex>

#include "images/source/registry/url.h"

namespace stack::images::registry {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kAttempts = 6;
constexpr milliseconds kFirstWait{500};
constexpr milliseconds kLongestWait{15000};
// An attempt that received this much made progress and resets the count of attempts.
constexpr int64_t kProgress = int64_t{1} << 20;
constexpr milliseconds kReportEvery{100};

bool wait(const std::stop_token& stop, milliseconds duration) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

bool may_retry(Failure failure) {
  return failure == Failure::Interrupted || failure == Failure::Unreachable ||
         failure == Failure::RateLimited || failure == Failure::Unexpected;
}

// Writes the received bytes; restarts the file if a transfer that should continue begins at 0.
class Receiver {
 public:
  Receiver(const BlobFetch& fetch, BlobTarget& target) : fetch_(fetch), target_(target) {}

  Repository::BlobSink sink() {
    first_ = true;
    return [this](bool restarted, std::string_view bytes) { return take(restarted, bytes); };
  }

 private:
  Result<> take(bool restarted, std::string_view bytes) {
    if (first_ && restarted) TRY(target_.restart());
    first_ = false;
    if (target_.offset() + static_cast<int64_t>(bytes.size()) > fetch_.blob.size)
      return invalid("it sent more than the " + std::to_string(fetch_.blob.size) + " bytes of blob " +
                     fetch_.blob.digest);
    TRY(target_.write(bytes));
    auto now = steady_clock::now();
    if (now - reported_ < kReportEvery) return {};
    reported_ = now;
    fetch_.on_bytes(target_.offset());
    return {};
  }

  const BlobFetch& fetch_;
  BlobTarget& target_;
  bool first_ = true;
  steady_clock::time_point reported_;
};

// One attempt: from the registry, else from a foreign layer's own addresses.
Answer<> try_once(const BlobFetch& fetch, BlobTarget& target, Receiver& receiver) {
  Answer<> answer = fetch.repository.blob(fetch.blob.digest, target.offset(), receiver.sink());
  if (answer || answer.error().failure != Failure::NotFound) return answer;
  for (const std::string& url : fetch.blob.urls) {
    if (!parse_url(url)) continue;
    Answer<> foreign = fetch.repository.foreign_blob(url, target.offset(), receiver.sink());
    if (foreign || foreign.error().failure == Failure::Canceled) return foreign;
  }
  return answer;
}

}  // namespace

Answer<> fetch_blob(const BlobFetch& fetch, BlobTarget& target) {
  Receiver receiver(fetch, target);
  milliseconds pause = kFirstWait;
  int attempt = 0;
  while (target.offset() != fetch.blob.size) {
    int64_t before = target.offset();
    Answer<> answer = try_once(fetch, target, receiver);
    if (fetch.stop.stop_requested())
      return tl::unexpected(RegistryError{Failure::Canceled, Error(ErrorKind::Canceled, "canceled")});
    if (target.offset() == fetch.blob.size) break;
    RegistryError error = answer ? RegistryError{Failure::Interrupted,
                                                 Error("it sent only " + std::to_string(target.offset()) +
                                                       " of " + std::to_string(fetch.blob.size) + " bytes")}
                                 : std::move(answer).error();
    if (target.offset() - before >= kProgress) {
      attempt = 0;
      pause = kFirstWait;
    }
    if (!may_retry(error.failure) || ++attempt >= kAttempts) return tl::unexpected(std::move(error));
    fetch.on_retry("layer " + fetch.blob.digest.substr(7, 12) + ": " + error.error.text() + "; trying again");
    if (!wait(fetch.stop, pause))
      return tl::unexpected(RegistryError{Failure::Canceled, Error(ErrorKind::Canceled, "canceled")});
    pause = std::min(pause * 2, kLongestWait);
  }
  return {};
}

}  // namespace stack::images::registry
