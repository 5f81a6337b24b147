// Measures the CPU time of the serving thread per answer. Prints the figures; the limits are wide, so that they
// hold without optimization and with sanitizers. Goals for a release build: 8.5 us local, 20 us forwarded.
#include <atomic>
#include <cstdio>

#include "lab.h"

namespace stack::dns {
namespace {

constexpr int kQuestions = 20'000;
constexpr int kTogether = 32;

// Answers every query with one address in a separate thread, so that its time does not count.
class EchoUpstream {
 public:
  EchoUpstream() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~EchoUpstream() {
    stop_ = true;
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  UpstreamAddress address() const { return {ip("127.0.0.1"), port_}; }

 private:
  void serve() {
    std::string buffer(2048, '\0');
    sockaddr_in from{};
    while (!stop_) {
      socklen_t size = sizeof(from);
      ssize_t n = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                             reinterpret_cast<sockaddr*>(&from), &size);
      if (n <= 0) continue;
      Query query = parse_query(buffer.substr(0, static_cast<size_t>(n))).query;
      query.edns.reset();
      ReplyBuilder reply(query, kMaxMessage);
      reply.add_address(ip("192.0.2.1"), 60);
      std::string bytes = reply.finish(Rcode::NoError);
      (void)!::sendto(socket_.get(), bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
    }
  }

  Fd socket_;
  uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class DnsCost : public DnsLab {
 protected:
  double cpu_microseconds() const {
    timespec now{};
    ::clock_gettime(cpu_clock, &now);
    return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
  }

  // Queries kQuestions names, several in flight at a time; returns the cost of one.
  double cost_of(const Sandbox& sandbox, const std::function<std::string(int)>& name_of) {
    Fd fd = ask_socket(sandbox, SOCK_DGRAM, sandbox.udp_port);
    double before = cpu_microseconds();
    int answered = 0;
    for (int i = 0; i < kQuestions; i += kTogether) {
      for (int j = 0; j < kTogether; ++j) {
        std::string bytes = question(name_of(i + j), kTypeA, static_cast<uint16_t>(i + j));
        (void)!::send(fd.get(), bytes.data(), bytes.size(), 0);
      }
      for (int j = 0; j < kTogether; ++j)
        answered += address_in(receive(fd)).find('.') == std::string::npos ? 0 : 1;
    }
    EXPECT_EQ(answered, kQuestions);
    return (cpu_microseconds() - before) / kQuestions;
  }

  void print(const char* what, double each) {
    std::printf("[ COST     ] %-58s %9.2f us CPU\n", what, each);
    EXPECT_LT(each, 1000);
  }
};

TEST_F(DnsCost, LocalAnswersAmongAThousandNames) {
  Sandbox sandbox = make_sandbox("c");
  on_loop([&] {
    for (uint32_t i = 0; i < 1000; ++i) {
      std::string name = "service-" + std::to_string(i);
      server->zone().set_endpoint(
          "n", name, {.names = {"demo-" + name + "-1", name}, .addresses = {IpAddress::v4(0x0A010100 + i)}});
    }
  });
  print("local answer", cost_of(sandbox, [](int i) { return "service-" + std::to_string(i * 7 % 1000); }));
}

TEST_F(DnsCost, ForwardedAnswersWithDifferentNames) {
  EchoUpstream upstream;
  Sandbox sandbox = make_sandbox("c");
  on_loop([&] {
    server->update_client(ContainerId("c"), {.view = {.networks = {"n"}}, .servers = {upstream.address()}});
  });
  print("forwarded answer",
        cost_of(sandbox, [](int i) { return "host-" + std::to_string(i) + ".example.org"; }));
  on_loop([&] { EXPECT_EQ(server->statistics().failed, 0U); });
}

TEST_F(DnsCost, ForwardedAnswersFromTheCache) {
  EchoUpstream upstream;
  Sandbox sandbox = make_sandbox("c");
  on_loop([&] {
    server->update_client(ContainerId("c"), {.view = {.networks = {"n"}}, .servers = {upstream.address()}});
  });
  for (int i = 0; i < 1000; i += 20)
    for (int j = 0; j < 20; ++j) (void)resolve(sandbox, "host-" + std::to_string(i + j) + ".example.org");
  print("cached answer",
        cost_of(sandbox, [](int i) { return "host-" + std::to_string(i * 7 % 1000) + ".example.org"; }));
}

}  // namespace
}  // namespace stack::dns
