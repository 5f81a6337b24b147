#include "browser.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/files.h"
#include "base/process.h"
#include "command.h"

namespace stack::e2e {

namespace {

constexpr int kReplyMs = 60'000;

}  // namespace

std::string Browser::program() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"})
    if (path_exists(path)) return path;
  return "";
}

Browser::Browser(const std::string& folder) {
  Result<Pipe> in = make_pipe();
  Result<Pipe> out = make_pipe();
  Result<Fd> log = open_file(folder + "/chromium.log", O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (!in || !out || !log) return;
  SpawnRequest request;
  request.program = program();
  request.args = {"--headless=new",
                  "--no-sandbox",
                  "--disable-gpu",
                  "--no-first-run",
                  "--disable-dev-shm-usage",
                  "--remote-debugging-pipe",
                  "--disable-breakpad",
                  "--disable-background-networking",
                  "--disable-component-update",
                  "--window-size=1360,860",
                  "--user-data-dir=" + folder + "/profile",
                  "about:blank"};
  request.fds = {{1, log->get()}, {2, log->get()}, {3, in->read.get()}, {4, out->write.get()}};
  request.new_session = true;
  Result<pid_t> child = spawn(request);
  if (!child) return;
  pid_ = *child;
  commands_ = std::move(in->write);
  events_ = std::move(out->read);
  Json target = call("Target.createTarget", {{"url", "about:blank"}});
  Json attached =
      call("Target.attachToTarget", {{"targetId", string_or(target, "targetId")}, {"flatten", true}});
  session_ = string_or(attached, "sessionId");
  for (const char* domain : {"Page.enable", "Runtime.enable", "Log.enable"}) call(domain, Json::object());
}

Browser::~Browser() {
  if (pid_ <= 0) return;
  session_.clear();
  call("Browser.close", Json::object());
  commands_.reset();
  int status = 0;
  bool ended =
      eventually(std::chrono::seconds(10), [&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
  if (ended) return;
  ::kill(-pid_, SIGKILL);
  ::waitpid(pid_, &status, 0);
}

Json Browser::receive() {
  for (;;) {
    if (size_t end = received_.find('\0'); end != std::string::npos) {
      Result<Json> message = parse_json(received_.substr(0, end));
      received_.erase(0, end + 1);
      return message.value_or(Json());
    }
    pollfd ready{events_.get(), POLLIN, 0};
    char bytes[65536];
    if (::poll(&ready, 1, kReplyMs) != 1) return {};
    ssize_t n = ::read(events_.get(), bytes, sizeof bytes);
    if (n <= 0) return {};
    received_.append(bytes, static_cast<size_t>(n));
  }
}

void Browser::note(const Json& event) {
  const std::string method = string_or(event, "method");
  if (method == "Runtime.exceptionThrown") errors_.push_back(event["params"]["exceptionDetails"].dump());
  if (method == "Log.entryAdded" && event["params"]["entry"]["level"] == "error")
    errors_.push_back(event["params"]["entry"].dump());
}

Json Browser::call(const std::string& method, Json params) {
  Json request{{"id", next_++}, {"method", method}, {"params", std::move(params)}};
  if (!session_.empty()) request["sessionId"] = session_;
  if (!write_all(commands_.get(), request.dump() + std::string(1, '\0'))) return {};
  for (;;) {
    Json message = receive();
    if (message.is_null()) {
      ADD_FAILURE() << method << ": Chromium does not answer";
      return {};
    }
    if (!message.contains("id")) note(message);
    if (int_or(message, "id") != request["id"].get<int>()) continue;
    return message.value("result", Json::object());
  }
}

void Browser::open(const std::string& url) { call("Page.navigate", {{"url", url}}); }

Json Browser::evaluate(const std::string& expression) {
  Json answer =
      call("Runtime.evaluate", {{"expression", expression}, {"awaitPromise", true}, {"returnByValue", true}});
  if (answer.contains("exceptionDetails")) return answer["exceptionDetails"].dump();
  return answer.contains("result") ? answer["result"].value("value", Json()) : Json();
}

bool Browser::shows(const std::string& expression, std::chrono::milliseconds within) {
  if (eventually(within, [&] { return evaluate(expression) == Json(true); })) return true;
  std::printf("%s is not true; the page:\n%s\n", expression.c_str(),
              evaluate("document.body.innerText").dump(2).c_str());
  return false;
}

void Browser::screenshot(const std::string& file) {
  Json picture = call("Page.captureScreenshot", {{"format", "png"}});
  Result<std::string> bytes = decode_base64(string_or(picture, "data"));
  if (bytes) (void)write_file(file, *bytes);
}

}  // namespace stack::e2e
