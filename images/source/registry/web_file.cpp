#include "images/source/registry/web_file.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <thread>

#include "base/files.h"
#include "base/identity.h"
#include "base/text.h"
#include "images/source/registry/url.h"

namespace stack::images::registry {

namespace {

constexpr int kDownloadTries = 3;
constexpr int kDownloadRedirects = 10;

bool redirects(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool worth_another_try(int status) { return status == 408 || status == 429 || status >= 500; }

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::last_errno("write");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

// filename="x" of Content-Disposition, without folders; "" if absent.
std::string name_of_disposition(const std::string& text) {
  size_t at = lower(text).find("filename=");
  if (at == std::string::npos) return {};
  std::string name(trim(text.substr(at + 9)));
  if (name.starts_with('"')) {
    name = name.substr(1, name.find('"', 1) - 1);
  } else {
    name = name.substr(0, name.find(';'));
  }
  name = base_name(name);
  return name == "." || name == ".." || name == "/" ? "" : name;
}

std::string name_of_url(const Url& url) {
  std::string path = url.target.substr(0, url.target.find('?'));
  std::string escaped = path.substr(path.rfind('/') + 1);
  std::string out;
  for (size_t i = 0; i < escaped.size(); ++i) {
    unsigned value = 0;
    bool code = escaped[i] == '%' && i + 2 < escaped.size() &&
                std::sscanf(escaped.c_str() + i + 1, "%2x", &value) == 1 && value != 0 && value != '/';
    out += code ? static_cast<char>(value) : escaped[i];
    if (code) i += 2;
  }
  return out == "." || out == ".." ? "" : out;
}

// One attempt; writes the file from the beginning.
struct Attempt {
  Attempt(Transport& used, const DownloadRequest& wanted) : transport(used), request(wanted) {}

  Transport& transport;
  const DownloadRequest& request;
  bool again = false;  // the failure may be temporary

  Result<Download> run() {
    std::optional<Url> place = parse_url(request.url);
    if (!place) return invalid("not a valid http or https URL");
    std::string origin = place->origin();
    for (int count = 0; count <= kDownloadRedirects; ++count) {
      TRY_ASSIGN(Fd file, open_file(request.path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
      Sha256 digest;
      int64_t size = 0;
      Exchange<HttpResponse> answer =
          transport.perform(one_request(*place, origin, file.get(), digest, size));
      if (!answer) {
        again = answer.error().transient;
        return std::move(answer.error().error);
      }
      if (!redirects(answer->status)) return finish(*answer, *place, digest);
      place = resolve_location(*place, answer->headers.get("location"));
      if (!place) return invalid("redirected to an invalid address");
    }
    return invalid("too many redirects");
  }

 private:
  HttpRequest one_request(const Url& place, const std::string& origin, int file, Sha256& digest,
                          int64_t& size) {
    HttpRequest out;
    out.url = place.text();
    out.headers = {{"Accept-Encoding", "identity"}};
    if (!request.authorization.empty() && place.origin() == origin)
      out.headers.emplace_back("Authorization", request.authorization);
    out.tls.ca_files = request.ca_files;
    out.proxy = request.proxy;
    out.stop = request.stop;
    out.sink = [file, &digest, &size, limit = request.limit](const HttpResponse&,
                                                             std::string_view bytes) -> Result<> {
      size += static_cast<int64_t>(bytes.size());
      if (size > limit) return invalid("larger than " + std::to_string(limit) + " bytes");
      digest.update(bytes);
      return write_all(file, bytes);
    };
    return out;
  }

  Result<Download> finish(const HttpResponse& answer, const Url& place, Sha256& digest) {
    if (answer.status == 404 || answer.status == 410)
      return not_found("the server answered " + std::to_string(answer.status));
    again = worth_another_try(answer.status);
    if (answer.status != 200) return Error("the server answered " + std::to_string(answer.status));
    Download out;
    out.digest = "sha256:" + digest.finish_hex();
    out.name = name_of_disposition(answer.headers.get("content-disposition"));
    if (out.name.empty()) out.name = name_of_url(place);
    out.modified = parse_http_date(answer.headers.get("last-modified"));
    return out;
  }
};

}  // namespace

int64_t parse_http_date(const std::string& text) {
  time_t value = text.empty() ? -1 : ::curl_getdate(text.c_str(), nullptr);
  return value < 0 ? 0 : value;
}

Result<Download> download(Transport& transport, const DownloadRequest& request) {
  for (int tries = 1;; ++tries) {
    Attempt attempt(transport, request);
    Result<Download> done = attempt.run();
    if (done || !attempt.again || tries == kDownloadTries || request.stop.stop_requested())
      return std::move(done).in(request.url);
    std::this_thread::sleep_for(std::chrono::milliseconds(300 * tries));
  }
}

}  // namespace stack::images::registry
