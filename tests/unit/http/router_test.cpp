#include "http/server/router.h"

#include <gtest/gtest.h>

#include "fixture.h"

namespace stack::http {
namespace {

// Responds with the route's name, the version, and the parameters.
Handler echo(std::string name) {
  return [name](Request& request, Response& response) -> asio::awaitable<void> {
    std::string text = name + " " + std::to_string(request.version);
    for (const auto& [key, value] : request.params) text += " " + key + "=" + value;
    response.text(200, text);
    co_return;
  };
}

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    server.router.get("/containers/json", echo("list"));
    server.router.get("/containers/{id}/json", echo("inspect"));
    server.router.del("/containers/{id}", echo("remove"));
    server.router.get("/images/json", echo("images"));
    server.router.get("/images/{name...}/json", echo("image"));
    server.router.get("/images/get", echo("save"));
    server.router.get("/images/{name...}/get", echo("save one"));
    server.router.get("/stack/v1/projects", echo("projects"));
    server.router.head("/_ping", echo("ping"));
    server.start();
  }
  std::string get(const std::string& target) {
    auto answer = server.client().call({.target = target});
    return answer ? answer->body : "error: " + answer.error().text();
  }
  TestServer server;
};

TEST_F(RouterTest, UnversionedPathsGetTheCurrentVersion) { EXPECT_EQ(get("/containers/json"), "list 50"); }

TEST_F(RouterTest, AnyVersionPrefixInRangeMatches) {
  EXPECT_EQ(get("/v1.24/containers/json"), "list 24");
  EXPECT_EQ(get("/v1.60/containers/json"), "list 60");
}

TEST_F(RouterTest, VersionsOutOfRangeAreRejectedWithDockersText) {
  EXPECT_EQ(get("/v1.12/containers/json"),
            "error: client version 1.12 is too old. Minimum supported API version is 1.24");
  EXPECT_EQ(get("/v1.61/containers/json"),
            "error: client version 1.61 is too new. Maximum supported API version is 1.60");
}

TEST_F(RouterTest, VersionOfAnotherFamilyIsNotAVersionPrefix) {
  EXPECT_EQ(get("/stack/v1/projects"), "projects 50");
  EXPECT_EQ(get("/v2.1/containers/json"), "error: page not found");
}

TEST_F(RouterTest, ParametersAreDecoded) {
  EXPECT_EQ(get("/containers/web%2D1/json"), "inspect 50 id=web-1");
}

TEST_F(RouterTest, MultiSegmentParameterAcceptsPlainAndEncodedSlashes) {
  EXPECT_EQ(get("/images/reg:5000/library/nginx:1/json"), "image 50 name=reg:5000/library/nginx:1");
  EXPECT_EQ(get("/images/library%2Fnginx/json"), "image 50 name=library/nginx");
}

TEST_F(RouterTest, LiteralSegmentsWinOverParameters) {
  EXPECT_EQ(get("/images/json"), "images 50");
  EXPECT_EQ(get("/images/get"), "save 50");
  EXPECT_EQ(get("/images/json/json"), "image 50 name=json");
}

TEST_F(RouterTest, UnknownPathIs404WithMessage) {
  auto answer = server.client().call({.target = "/nothing"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind(), ErrorKind::NotFound);
  EXPECT_EQ(answer.error().text(), "page not found");
}

TEST_F(RouterTest, WrongMethodIs405WithAllow) {
  Fd fd = server.open();
  std::string answer = talk(fd, "GET /containers/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("HTTP/1.1 405 "), std::string::npos);
  EXPECT_NE(answer.find("Allow: DELETE\r\n"), std::string::npos);
  EXPECT_NE(answer.find(R"({"message":"method not allowed"})"), std::string::npos);
}

TEST_F(RouterTest, HeadReturnsTheLengthWithoutTheBody) {
  Fd fd = server.open();
  std::string answer = talk(fd, "HEAD /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 7\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n<end>"));
}

TEST_F(RouterTest, BadEscapesAre400) {
  EXPECT_EQ(get("/containers/%zz/json"), "error: invalid percent-escape in /containers/%zz/json");
  EXPECT_EQ(get("/containers/%00/json"), "error: NUL byte in request target");
  EXPECT_EQ(get("/containers/json?a=%f"), "error: invalid percent-escape in %f");
}

TEST_F(RouterTest, AbsoluteFormTargetsMatch) {
  EXPECT_EQ(get("http://docker/v1.41/containers/json"), "list 41");
}

TEST(RouterTable, RoutesAreListedSorted) {
  Router router;
  router.post("/b/{id}", echo(""));
  router.get("/a", echo(""));
  EXPECT_EQ(router.routes(), (std::vector<std::string>{"GET /a", "POST /b/{id}"}));
}

}  // namespace
}  // namespace stack::http
