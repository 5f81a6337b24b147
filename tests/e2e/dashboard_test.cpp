// `stack dashboard`: over HTTP, and in Chromium.
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>

#include <cstdlib>

#include "browser.h"
#include "command.h"
#include "scenario.h"

namespace stack::e2e {
namespace {

constexpr const char* kShop = R"(
services:
  db:
    image: debian:bookworm-slim
    command: sh -c 'echo database ready; exec sleep infinity'
    stop_signal: SIGKILL
    healthcheck: {test: echo accepting connections, interval: 1s}
  web:
    image: debian:bookworm-slim
    command: sh -c 'echo page one; echo other; exec sleep infinity'
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_healthy}}
    environment: {TOKEN: not-for-browsers}
)";

// Added for the picture in the documents.
constexpr const char* kMoreOfTheShop = R"(
  cache:
    image: debian:bookworm-slim
    command: sh -c 'echo cache ready; exec sleep infinity'
    stop_signal: SIGKILL
  api:
    image: debian:bookworm-slim
    command: sh -c 'i=0; while sleep 0.2; do i=$$((i+1)); echo "GET /orders/$$i 200"; done'
    stop_signal: SIGKILL
    depends_on: {db: {condition: service_healthy}, cache: {condition: service_started}}
  worker:
    image: debian:bookworm-slim
    command: sh -c 'echo "no queue named orders" >&2; exit 3'
    depends_on: [cache]
)";

// Sends the bytes and reads until the server closes.
std::string send_raw(int port, const std::string& request) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return "no connection";
  if (!write_all(socket.get(), request)) return "not sent";
  return read_all(socket.get()).value_or("not received");
}

class Dashboard : public Scenario {
 protected:
  void open(std::vector<std::string> flags = {}, const std::string& more = "") {
    project("shop", kShop + more);
    must({"up", "-d"});
    flags.insert(flags.begin(), "dashboard");
    command_ = start(flags);
    ASSERT_TRUE(command_->says("#token=", 20s)) << command_->output();
    const std::string text = command_->output();
    link_ = text.substr(text.find("http://"));
    link_ = link_.substr(0, link_.find('\n'));
    port_ = std::atoi(link_.substr(link_.rfind(":") + 1).c_str());
    token_ = link_.substr(link_.find('=') + 1);
  }
  void TearDown() override {
    if (IsSkipped()) return;
    command_.reset();
    Scenario::TearDown();
  }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  // The whole response; `fields` are complete lines.
  std::string ask(const std::string& method, const std::string& target, const std::string& fields = "",
                  const std::string& body = "") {
    return send_raw(port_, method + " " + target + " HTTP/1.1\r\nHost: " + host() + "\r\n" + fields +
                               "Content-Type: application/json\r\nContent-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  static int status_of(const std::string& response) {
    return response.starts_with("HTTP/1.1 ") ? std::atoi(response.c_str() + 9) : -1;
  }
  static Json body_of(const std::string& response) {
    return parse_json(response.substr(response.find("\r\n\r\n") + 4)).value_or(Json());
  }
  std::string open_session(const std::string& token) {
    return ask("POST", "/session", "", Json{{"token", token}}.dump());
  }
  void log_in() {
    secret_ = string_or(body_of(open_session(token_)), "session");
    ASSERT_EQ(secret_.size(), 64U);
    session_ = "X-Stack-Session: " + secret_ + "\r\n";
  }

  std::unique_ptr<BackgroundCommand> command_;
  std::string link_;
  std::string token_;
  std::string secret_;
  std::string session_;
  int port_ = 0;
};

TEST_F(Dashboard, OneTokenOpensOneSession) {
  open();
  EXPECT_EQ(status_of(open_session("")), 403);
  EXPECT_EQ(status_of(open_session(std::string(64, '0'))), 403);
  EXPECT_EQ(status_of(ask("GET", "/api/version")), 401);
  EXPECT_EQ(status_of(ask("GET", "/api/version", "X-Stack-Session: " + token_ + "\r\n")), 401);
  log_in();
  EXPECT_EQ(status_of(open_session(token_)), 403) << "a token is for one session";
  EXPECT_EQ(status_of(ask("GET", "/api/version", session_)), 200);
  EXPECT_EQ(status_of(ask("GET", "/api/version", "X-Stack-Session: \r\n")), 401);
}

TEST_F(Dashboard, ThePageAllowsOnlyItsOwnScripts) {
  open();
  const std::string page = ask("GET", "/");
  EXPECT_EQ(status_of(page), 200);
  EXPECT_NE(page.find("Content-Security-Policy: default-src 'none'; script-src 'self';"), std::string::npos);
  EXPECT_NE(page.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_NE(page.find("X-Content-Type-Options: nosniff"), std::string::npos);
  EXPECT_EQ(page.find("Access-Control-Allow"), std::string::npos);
  EXPECT_EQ(page.find(token_), std::string::npos);
  for (const char* outside : {"http:", "https:"})
    EXPECT_EQ(page.find(outside, page.find("\r\n\r\n")), std::string::npos)
        << "the page loads from elsewhere";
}

TEST_F(Dashboard, RequestsOfOtherWebPagesAreRefused) {
  open();
  log_in();
  const std::string own = "Origin: http://" + host() + "\r\n";
  EXPECT_EQ(status_of(ask("GET", "/api/version", session_ + own + "Sec-Fetch-Site: same-origin\r\n")), 200);
  for (const std::string& origin :
       std::vector<std::string>{"http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"})
    EXPECT_EQ(status_of(ask("GET", "/api/version", session_ + "Origin: " + origin + "\r\n")), 403) << origin;
  EXPECT_EQ(status_of(ask("GET", "/api/version", session_ + "Sec-Fetch-Site: cross-site\r\n")), 403);
  EXPECT_EQ(status_of(ask("POST", "/session", "Origin: http://evil.example\r\n", "{}")), 403);
  // DNS rebinding: a name of the attacker that resolves to 127.0.0.1.
  for (const std::string& name :
       std::vector<std::string>{"evil.example:" + std::to_string(port_), std::string("127.0.0.1"),
                                "127.0.0.1.evil.example:" + std::to_string(port_), std::string("0.0.0.0:80")})
    for (const std::string& path : std::vector<std::string>{"/", "/api/version"})
      EXPECT_EQ(status_of(send_raw(
                    port_, "GET " + path + " HTTP/1.1\r\nHost: " + name + "\r\n" + session_ + "\r\n")),
                403)
          << name << path;
  EXPECT_EQ(status_of(send_raw(port_, "GET /api/version HTTP/1.0\r\n" + session_ + "\r\n")), 403)
      << "no Host";
  // A form can send this without asking.
  EXPECT_EQ(status_of(send_raw(port_, "POST /session HTTP/1.1\r\nHost: " + host() +
                                          "\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}")),
            415);
}

TEST_F(Dashboard, OnlyTheListedPathsReachTheEngine) {
  open({"--write"});
  log_in();
  for (const char* path :
       {"/api/../version", "/api/%2e%2e/version", "/api/containers/..%2Fjson/json", "/api//version",
        "/api/containers/%00/json", "/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
        "/api/stack/v1/projects/..", "/api/stack/v1/projects/a%2f..%2f"})
    EXPECT_EQ(status_of(ask("GET", path, session_)), 400) << path;
  EXPECT_EQ(status_of(ask("GET", "/style.css/../index.html", session_)), 400);
  EXPECT_EQ(status_of(ask("GET", "/page.cpp", session_)), 404);
  EXPECT_EQ(status_of(ask("GET", "/api/containers/x/export", session_)), 404);
  EXPECT_EQ(status_of(ask("GET", "/api/stack/v1/doctor?repair=1", session_)), 404);
  EXPECT_EQ(status_of(ask("POST", "/api/containers/create", session_, "{}")), 404);
  EXPECT_EQ(status_of(ask("POST", "/api/stack/v1/projects/shop/down", session_, "{}")), 404);
  EXPECT_EQ(status_of(ask("DELETE", "/api/containers/json", session_)), 405);
  EXPECT_EQ(status_of(ask("GET", "/api/containers/json?all=1&size=1", session_)), 400);
  EXPECT_EQ(status_of(ask("GET", "/api/containers/json?all=1", session_)), 200);
}

TEST_F(Dashboard, ReadOnlyUnlessWritingIsAllowed) {
  open();
  log_in();
  const std::string id = container("web").id;
  EXPECT_EQ(status_of(ask("POST", "/api/stack/v1/projects/shop/stop", session_, R"({"services":["web"]})")),
            403);
  EXPECT_EQ(status_of(ask("GET", "/terminal/" + id, session_)), 403);
  EXPECT_EQ(status_of(ask("POST", "/api/exec/x/resize?h=1&w=1", session_)), 403);
  EXPECT_EQ(container("web").state, "running");
  EXPECT_NE(ask("GET", "/api/stack/v1/projects/shop/logs?tail=5", session_).find("page one"),
            std::string::npos);
  const std::string project = ask("GET", "/api/stack/v1/projects/shop", session_);
  EXPECT_NE(project.find("service_healthy"), std::string::npos) << project;
  for (const std::string& response : {project, ask("GET", "/api/containers/" + id + "/json", session_)})
    EXPECT_EQ(response.find("not-for-browsers"), std::string::npos) << response;
}

TEST_F(Dashboard, ThePlanIsThatOfTheFilesNow) {
  open();
  log_in();
  Json before = body_of(ask("POST", "/api/stack/v1/projects/shop/plan", session_));
  EXPECT_EQ(int_or(before, "changes", -1), 0) << before;
  write("docker-compose.yml", std::string(kShop) + "    labels: {edited: \"yes\"}\n");
  Json after = body_of(ask("POST", "/api/stack/v1/projects/shop/plan", session_));
  EXPECT_GT(int_or(after, "changes"), 0) << after;
  EXPECT_NE(after.dump().find("labels.edited"), std::string::npos) << after;
  write("docker-compose.yml", "services: {web: {imag: x}}\n");
  const std::string wrong = ask("POST", "/api/stack/v1/projects/shop/plan", session_);
  EXPECT_EQ(status_of(wrong), 400);
  EXPECT_NE(wrong.find("imag"), std::string::npos) << wrong;
}

TEST_F(Dashboard, EndsWithTheCommand) {
  open();
  log_in();
  Fd follower(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(follower.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_TRUE(write_all(follower.get(),
                        "GET /api/stack/v1/projects/shop/logs?follow=1&stay=1 HTTP/1.1\r\nHost: " + host() +
                            "\r\n" + session_ + "\r\n"));
  std::string received;
  char bytes[4096];
  while (received.find("page one") == std::string::npos) {
    ssize_t n = ::read(follower.get(), bytes, sizeof bytes);
    ASSERT_GT(n, 0) << received;
    received.append(bytes, static_cast<size_t>(n));
  }
  command_->signal(SIGINT);
  EXPECT_EQ(command_->wait(20s), 0);
  EXPECT_TRUE(read_all(follower.get())) << "the connection is still open";
  EXPECT_FALSE(tcp_connects("127.0.0.1", port_));
}

TEST_F(Dashboard, ABadPortIsAnError) {
  project("shop", kShop);
  EXPECT_EQ(run({"dashboard", "--port", "70000"}).code, 2);
  open({"--port", "39871"});
  EXPECT_EQ(port_, 39871);
  CommandResult second = run({"dashboard", "--port", "39871"});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("address already in use"), std::string::npos) << second.text();
}

class DashboardPage : public Dashboard {
 protected:
  void SetUp() override {
    if (Browser::program().empty()) GTEST_SKIP() << "chromium is not installed";
    Scenario::SetUp();
  }
  void browse(const std::vector<std::string>& flags) {
    open(flags);
    browser_ = std::make_unique<Browser>(folder());
    browser_->open(link_);
  }
  void TearDown() override {
    browser_.reset();
    Dashboard::TearDown();
  }
  bool shows(const std::string& expression) { return browser_->shows(expression, 20s); }
  void click(const std::string& selector) {
    browser_->evaluate("document.querySelector(`" + selector +
                       "`).dispatchEvent(new MouseEvent('click', {bubbles: true}))");
  }
  bool no_errors() {
    for (const std::string& error : browser_->errors()) ADD_FAILURE() << error;
    return browser_->errors().empty();
  }
  std::unique_ptr<Browser> browser_;
};

const std::string kLines = "document.getElementById('lines').innerText";

TEST_F(DashboardPage, ShowsServicesLogsChartsAndPlan) {
  browse({});
  EXPECT_TRUE(shows("document.querySelectorAll('#graph .node.good').length === 2"));
  EXPECT_TRUE(shows("document.querySelectorAll('#graph .edge').length === 1"));
  EXPECT_TRUE(shows("location.hash === ''")) << "the token stays in the address";
  EXPECT_TRUE(shows(kLines + ".includes('database ready') && " + kLines + ".includes('page one')"));
  browser_->evaluate("search.value = 'PAGE'; search.dispatchEvent(new Event('input'))");
  EXPECT_TRUE(shows(kLines + ".includes('page one') && !" + kLines + ".includes('other')"));
  browser_->evaluate("search.value = ''; search.dispatchEvent(new Event('input'))");
  click("[data-service=db]");
  EXPECT_TRUE(shows(kLines + ".includes('database ready') && !" + kLines + ".includes('page one')"));
  EXPECT_TRUE(shows("document.getElementById('detail').innerText.includes('accepting connections')"));
  click("[data-tab=charts]");
  EXPECT_TRUE(shows("document.querySelectorAll('#charts polyline').length === 4"));
  write("docker-compose.yml", std::string(kShop) + "    labels: {edited: \"yes\"}\n");
  click("[data-tab=plan]");
  EXPECT_TRUE(shows("document.getElementById('plan').innerText.includes('labels.edited')"));
  EXPECT_EQ(browser_->evaluate("document.querySelector('[data-tab=terminal]').hidden"), Json(true));
  // A reload keeps the session; a second use of the link does not open another one.
  browser_->evaluate("location.reload()");
  EXPECT_TRUE(shows("document.querySelectorAll('#graph .node').length === 2"));
  EXPECT_TRUE(no_errors());
  browser_->evaluate("sessionStorage.clear()");
  browser_->open("about:blank");
  browser_->open(link_);
  EXPECT_TRUE(shows("document.getElementById('message').innerText.includes('has been used')"));
}

// $STACK_TEST_PICTURES: a folder for the picture in the documents.
TEST_F(DashboardPage, ShowsDependenciesAndFailures) {
  open({}, kMoreOfTheShop);
  browser_ = std::make_unique<Browser>(folder());
  browser_->open(link_);
  EXPECT_TRUE(shows("document.querySelectorAll('#graph .edge').length === 4"));
  EXPECT_TRUE(shows("document.querySelector('[data-service=worker]').textContent.includes('exited (3)')"));
  EXPECT_TRUE(shows("document.querySelector('[data-service=worker]').classList.contains('bad')"));
  EXPECT_TRUE(shows("document.getElementById('summary').textContent === '5 services: 4 up, 1 failing'"));
  EXPECT_TRUE(shows(kLines + ".includes('GET /orders/9 200')"));
  if (const char* pictures = std::getenv("STACK_TEST_PICTURES")) {
    click("[data-service=db]");
    EXPECT_TRUE(shows("document.getElementById('detail').innerText.includes('accepting connections')"));
    click("[data-service=db]");
    EXPECT_TRUE(shows(kLines + ".includes('GET /orders/25 200')"));
    browser_->screenshot(std::string(pictures) + "/dashboard.png");
    click("[data-tab=charts]");
    EXPECT_TRUE(
        shows("document.querySelector('#charts polyline').getAttribute('points').split(' ').length > 6"));
    browser_->screenshot(std::string(pictures) + "/dashboard-charts.png");
  }
  EXPECT_TRUE(no_errors());
}

TEST_F(DashboardPage, FollowsLogsAndHealth) {
  browse({});
  EXPECT_TRUE(shows(kLines + ".includes('page one')"));
  inside("web", "echo written later > /proc/1/fd/1");
  EXPECT_TRUE(shows(kLines + ".includes('written later')"));
  must({"stop", "web"});
  EXPECT_TRUE(shows("document.querySelector('[data-service=web]').textContent.includes('exited')"));
  EXPECT_TRUE(no_errors());
}

TEST_F(DashboardPage, ControlsServicesAndOpensTerminalsIfAllowed) {
  browse({"--write"});
  EXPECT_TRUE(shows("document.querySelectorAll('#graph .node.good').length === 2"));
  click("[data-service=web]");
  EXPECT_TRUE(shows("document.querySelectorAll('#detail button').length === 3"));
  const pid_t before = container("web").pid;
  browser_->evaluate("document.querySelectorAll('#detail button')[2].click()");
  EXPECT_TRUE(eventually(20s, [&] { return container("web").pid != before && container("web").pid != 0; }));
  EXPECT_TRUE(shows("document.querySelector('[data-service=web]').classList.contains('good')"));
  click("[data-tab=terminal]");
  click("#connect");
  EXPECT_TRUE(shows("document.querySelector('.xterm-rows')?.innerText.includes('# ')"));
  browser_->evaluate(R"(
    const box = document.querySelector('.xterm-helper-textarea');
    const paste = new ClipboardEvent('paste', {clipboardData: new DataTransfer(), bubbles: true});
    paste.clipboardData.setData('text/plain', 'echo $((6*7)) > /tmp/answer; sleep 12345');
    box.dispatchEvent(paste);
    box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 13, bubbles: true}));)");
  EXPECT_TRUE(eventually(20s, [&] { return inside("web", "cat /tmp/answer") == "42"; }));
  EXPECT_TRUE(eventually(20s, [&] { return !processes_with("12345").empty(); }));
  // The shell and its command end with the page.
  browser_->open("about:blank");
  EXPECT_TRUE(eventually(20s, [&] { return processes_with("12345").empty(); }));
  EXPECT_TRUE(no_errors());
}

TEST_F(DashboardPage, TerminalsEndWithTheCommand) {
  browse({"--write"});
  EXPECT_TRUE(shows("document.querySelectorAll('#graph .node.good').length === 2"));
  click("[data-service=db]");
  click("[data-tab=terminal]");
  click("#connect");
  EXPECT_TRUE(shows("document.querySelector('.xterm-rows')?.innerText.includes('# ')"));
  const std::string count = "grep -l TERM=xterm-256color /proc/[0-9]*/environ 2>/dev/null | wc -l";
  EXPECT_EQ(inside("db", count), "1");
  command_->signal(SIGTERM);
  EXPECT_EQ(command_->wait(20s), 0);
  EXPECT_TRUE(eventually(20s, [&] { return inside("db", count) == "0"; }));
}

}  // namespace
}  // namespace stack::e2e
