// The upload protocol of the OCI distribution specification, "Pushing blobs".
#include <algorithm>

#include "base/text.h"
#include "images/source/registry/push.h"
#include "images/source/registry/url.h"

namespace stack::images::registry {

namespace {

// Larger uploads are sent in chunks of this size.
constexpr int64_t kChunk = int64_t{64} << 20;
constexpr int kTries = 5;

using Call = Repository::Call;

// The URL of an upload's next request.
Answer<std::string> location_of(const HttpResponse& response, const std::string& asked) {
  std::optional<Url> base = parse_url(asked);
  std::optional<Url> next = base ? resolve_location(*base, response.headers.get("location")) : std::nullopt;
  if (next) return next->text();
  return tl::unexpected(RegistryError{Failure::Unexpected, invalid("it sent no upload address")});
}

Answer<bool> is_there(Repository& repository, const std::string& digest) {
  Call head;
  head.method = "HEAD";
  head.url = repository.url("blobs/" + digest);
  Answer<HttpResponse> answer = repository.send(head, {404});
  if (!answer) return tl::unexpected(std::move(answer).error());
  return answer->status != 404;
}

// The upload's address; "" if the blob was mounted.
Answer<std::string> begin(const BlobUpload& upload, const std::string& from) {
  Call post;
  post.method = "POST";
  post.url = upload.repository.url("blobs/uploads/");
  if (!from.empty()) post.url = with_query(with_query(post.url, "mount", upload.digest), "from", from);
  Answer<HttpResponse> answer = upload.repository.send(post);
  if (!answer) return tl::unexpected(std::move(answer).error());
  if (!from.empty() && answer->status == 201) return std::string();
  return location_of(*answer, post.url);
}

Answer<> finish(const BlobUpload& upload, const std::string& location, std::optional<FilePart> part) {
  Call put;
  put.method = "PUT";
  put.url = with_query(location, "digest", upload.digest);
  put.headers = {{"Content-Type", "application/octet-stream"}};
  put.file = part;
  put.on_sent = part ? upload.on_sent : nullptr;
  put.attempts = 1;
  Answer<HttpResponse> answer = upload.repository.send(put);
  if (!answer) return tl::unexpected(std::move(answer).error());
  return {};
}

// "0-1023" of a Range field is 1024 bytes; "" and invalid values mean 0 bytes.
int64_t received(const HttpResponse& response) {
  std::string range = response.headers.get("range");
  if (range.starts_with("bytes=")) range.erase(0, 6);
  size_t dash = range.find('-');
  std::string last = dash == std::string::npos ? "" : range.substr(dash + 1);
  return is_all_digits(last) && last.size() < 18 ? std::stoll(last) + 1 : 0;
}

// One upload session, chunk by chunk.
class ChunkedUpload {
 public:
  ChunkedUpload(const BlobUpload& upload, std::string location)
      : upload_(upload), location_(std::move(location)) {}

  Answer<> run() {
    int failures = 0;
    while (sent_ < upload_.content.length) {
      Answer<> step = patch();
      if (step) {
        failures = 0;
        continue;
      }
      bool may_retry =
          step.error().failure == Failure::Interrupted || step.error().failure == Failure::Unexpected;
      if (!may_retry || ++failures == kTries) return step;
      Answer<> found = find_position();
      if (!found) return found;
    }
    return finish(upload_, location_, std::nullopt);
  }

 private:
  Answer<> patch() {
    int64_t length = std::min(kChunk, upload_.content.length - sent_);
    Call call;
    call.method = "PATCH";
    call.url = location_;
    call.headers = {{"Content-Type", "application/octet-stream"},
                    {"Content-Range", std::to_string(sent_) + "-" + std::to_string(sent_ + length - 1)}};
    call.file = FilePart{upload_.content.fd, upload_.content.offset + sent_, length};
    int64_t before = sent_;
    call.on_sent = [&](int64_t bytes) { upload_.on_sent(before + bytes); };
    call.attempts = 1;
    Answer<HttpResponse> answer = upload_.repository.send(call);
    if (!answer) return tl::unexpected(std::move(answer).error());
    return take(*answer, sent_ + length);
  }

  // Queries how much arrived, after a failure.
  Answer<> find_position() {
    Call get;
    get.url = location_;
    Answer<HttpResponse> answer = upload_.repository.send(get);
    if (!answer) return tl::unexpected(std::move(answer).error());
    return take(*answer, received(*answer));
  }

  Answer<> take(const HttpResponse& response, int64_t sent) {
    if (!response.headers.get("location").empty()) {
      Answer<std::string> next = location_of(response, location_);
      if (!next) return tl::unexpected(std::move(next).error());
      location_ = std::move(*next);
    }
    sent_ = std::min(sent, upload_.content.length);
    return {};
  }

  const BlobUpload& upload_;
  std::string location_;
  int64_t sent_ = 0;
};

Answer<> send_content(const BlobUpload& upload, const std::string& location) {
  if (upload.content.length <= kChunk) return finish(upload, location, upload.content);
  return ChunkedUpload(upload, location).run();
}

}  // namespace

Answer<UploadEnd> upload_blob(const BlobUpload& upload) {
  Answer<bool> there = is_there(upload.repository, upload.digest);
  if (!there) return tl::unexpected(std::move(there).error());
  if (*there) return UploadEnd::Present;
  std::string location;
  if (!upload.sources.empty()) {
    // If the registry cannot mount or denies access to the source, an upload is started instead.
    Answer<std::string> mounted = begin(upload, upload.sources.front());
    if (mounted && mounted->empty()) return UploadEnd::Mounted;
    if (mounted) location = std::move(*mounted);
  }
  for (int attempt = 1;; ++attempt) {
    if (location.empty()) {
      Answer<std::string> started = begin(upload, "");
      if (!started) return tl::unexpected(std::move(started).error());
      location = std::move(*started);
    }
    Answer<> sent = send_content(upload, location);
    if (sent) return UploadEnd::Uploaded;
    bool may_retry = sent.error().failure == Failure::Interrupted ||
                     sent.error().failure == Failure::NotFound || sent.error().failure == Failure::Unexpected;
    if (!may_retry || attempt == kTries) return tl::unexpected(std::move(sent).error());
    location.clear();
  }
}

}  // namespace stack::images::registry
