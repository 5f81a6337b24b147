// Docker's API over TCP: only for clients with a certificate.
#include "scenario.h"

namespace stack::e2e {
namespace {

class Tls : public Scenario {
 protected:
  void SetUp() override {
    Scenario::SetUp();
    if (HasFatalFailure()) return;
    authority("ca");
    certificate("server", "ca", "subjectAltName=IP:127.0.0.1");
    certificate("client", "ca", "extendedKeyUsage=clientAuth");
    authority("stranger-ca");
    certificate("stranger", "stranger-ca", "extendedKeyUsage=clientAuth");
  }

  std::string file(const std::string& name) const { return folder() + "/" + name; }
  void openssl(std::vector<std::string> args) {
    args.insert(args.begin(), "openssl");
    CommandResult result = run_command(args);
    ASSERT_EQ(result.code, 0) << result.text();
  }
  void authority(const std::string& name) {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=" + name, "-keyout", file(name + ".key"), "-out", file(name + ".pem")});
  }
  void certificate(const std::string& name, const std::string& by, const std::string& extension) {
    ASSERT_TRUE(write_file(file(name + ".ext"), extension + "\n"));
    openssl({"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
             "/CN=" + name, "-keyout", file(name + ".key"), "-out", file(name + ".csr")});
    openssl({"x509", "-req", "-days", "2", "-in", file(name + ".csr"), "-CA", file(by + ".pem"), "-CAkey",
             file(by + ".key"), "-CAcreateserial", "-extfile", file(name + ".ext"), "-out",
             file(name + ".pem")});
  }
  std::vector<std::string> engine(const std::vector<std::string>& more) const {
    std::vector<std::string> argv{program_folder() + "/stackd", "--root", stack_root_, "--run-root",
                                  run_root_};
    argv.insert(argv.end(), more.begin(), more.end());
    return argv;
  }
  CommandResult call(const std::string& path, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> argv{"curl",     "-sS",          "--noproxy",
                                  "*",        "--max-time",   "20",
                                  "--cacert", file("ca.pem"), "https://127.0.0.1:2376" + path};
    argv.insert(argv.end(), more.begin(), more.end());
    return run_command(argv);
  }
  std::vector<std::string> as(const std::string& name) const {
    return {"--cert", file(name + ".pem"), "--key", file(name + ".key")};
  }

  std::string stack_root_;
  std::string run_root_;
};

TEST_F(Tls, OnlyClientsWithACertificateAreServed) {
  stack_root_ = stack().root();
  run_root_ = stack().run_root();
  CommandResult without = run_command(engine({"--tcp", "127.0.0.1:2376"}));
  EXPECT_EQ(without.code, 2) << without.text();
  EXPECT_NE(without.err.find("--tcp requires --tls-ca"), std::string::npos) << without.text();

  BackgroundCommand running(
      engine({"--tcp", "127.0.0.1:2376", "--tls-ca", file("ca.pem"), "--tls-cert", file("server.pem"),
              "--tls-key", file("server.key"), "--idle-exit", "0"}));
  ASSERT_TRUE(running.says("serving on tcp://", 20s)) << running.output();
  ASSERT_TRUE(eventually(10s, [&] { return call("/_ping", as("client")).out == "OK"; }))
      << call("/_ping", as("client")).text() << running.output();
  EXPECT_NE(call("/_ping").code, 0);
  EXPECT_NE(call("/_ping", as("stranger")).code, 0);
  CommandResult plain =
      run_command({"curl", "-sS", "--noproxy", "*", "--max-time", "10", "http://127.0.0.1:2376/_ping"});
  EXPECT_EQ(plain.out.find("OK"), std::string::npos) << plain.text();
  // Bodies and long answers go both ways, and the engine still answers after the clients it refused.
  Json created =
      parse_json(call("/containers/create?name=box",
                      [&] {
                        std::vector<std::string> args = as("client");
                        for (const char* arg : {"-H", "Content-Type: application/json", "-d",
                                                R"({"Image":"debian:bookworm-slim","Cmd":["true"]})"})
                          args.emplace_back(arg);
                        return args;
                      }())
                     .out)
          .value_or(Json());
  EXPECT_FALSE(string_or(created, "Id").empty()) << created.dump();
  EXPECT_NE(call("/images/debian:bookworm-slim/get", as("client")).out.size(), 0U);
  std::vector<std::string> remove = as("client");
  remove.insert(remove.end(), {"-X", "DELETE"});
  EXPECT_EQ(call("/containers/box", remove).code, 0);
  running.signal(SIGTERM);
  EXPECT_EQ(running.wait(20s), 0) << running.output();
}

}  // namespace
}  // namespace stack::e2e
