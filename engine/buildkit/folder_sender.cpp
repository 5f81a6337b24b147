#include "engine/buildkit/folder_sender.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/directory.h"
#include "base/files.h"
#include "engine/buildkit/buildkit.pb.h"
#include "engine/buildkit/file_mode.h"
#include "engine/buildkit/file_piece.h"

namespace stack::engine {

namespace {

struct Listing {
  std::vector<buildkit::FileStat> entries;
  Result<> add(const std::string& root, const std::string& below);
};

// In the order of fsutil's walk: sorted by name, a directory before its contents. Blocks.
Result<> Listing::add(const std::string& root, const std::string& below) {
  TRY_ASSIGN(std::vector<std::string> names, names_in(root + "/" + below));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    std::string path = below.empty() ? name : below + "/" + name;
    struct stat info{};
    if (::lstat((root + "/" + path).c_str(), &info) != 0) return Error::last_errno("stat " + path);
    buildkit::FileStat entry;
    entry.set_path(path);
    entry.set_modified(info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
    uint32_t mode = info.st_mode & 0777;
    if (S_ISDIR(info.st_mode)) {
      entry.set_mode(mode | kGoDirectory);
    } else if (S_ISLNK(info.st_mode)) {
      std::string target(static_cast<size_t>(info.st_size) + 1, '\0');
      ssize_t n = ::readlink((root + "/" + path).c_str(), target.data(), target.size());
      if (n < 0) return Error::last_errno("read link " + path);
      target.resize(static_cast<size_t>(n));
      entry.set_mode(mode | kGoSymlink);
      entry.set_link(target);
    } else if (S_ISREG(info.st_mode)) {
      entry.set_mode(mode);
      entry.set_size(info.st_size);
    } else {
      continue;
    }
    entries.push_back(entry);
    if (S_ISDIR(info.st_mode)) TRY(add(root, path));
  }
  return {};
}

std::string packet_of(buildkit::FilePacket::Type type, uint32_t id, std::string data = {}) {
  buildkit::FilePacket packet;
  packet.set_type(type);
  packet.set_id(id);
  packet.set_data(std::move(data));
  return packet.SerializeAsString();
}

Task<Result<>> send_content(asio::thread_pool& pool, grpc::CallPtr call, std::string path, uint32_t id) {
  Result<Fd> opened = open_file(path, O_RDONLY | O_NOFOLLOW);
  CO_TRY(opened);
  auto file = std::make_shared<Fd>(std::move(*opened));
  for (;;) {
    Result<std::string> piece = co_await read_file_piece(pool, file);
    CO_TRY(piece);
    bool last = piece->empty();
    Result<> sent = co_await call->send(packet_of(buildkit::FilePacket::DATA, id, std::move(*piece)));
    CO_TRY(sent);
    if (last) co_return Result<>();
  }
}

Task<Result<>> send_listing(grpc::CallPtr call, std::shared_ptr<Listing> listing) {
  for (const buildkit::FileStat& entry : listing->entries) {
    buildkit::FilePacket packet;
    packet.set_type(buildkit::FilePacket::STAT);
    *packet.mutable_stat() = entry;
    Result<> sent = co_await call->send(packet.SerializeAsString());
    CO_TRY(sent);
  }
  Result<> end = co_await call->send(packet_of(buildkit::FilePacket::STAT, 0));
  co_return end;
}

}  // namespace

Task<Result<>> send_folder(asio::thread_pool& pool, grpc::CallPtr call, std::string directory) {
  auto listing = std::make_shared<Listing>();
  auto list = [listing, directory] { return listing->add(directory, ""); };
  Result<> listed = co_await offload(pool, list);
  CO_TRY(listed);
  Result<> announced = co_await send_listing(call, listing);
  CO_TRY(announced);
  for (;;) {
    Result<std::optional<std::string>> text = co_await call->receive();
    CO_TRY(text);
    buildkit::FilePacket packet;
    if (!*text || !packet.ParseFromString(**text)) co_return Error("output: the client ended the transfer");
    if (packet.type() == buildkit::FilePacket::ERROR) co_return Error("output: " + packet.data());
    if (packet.type() == buildkit::FilePacket::FINISH) break;
    if (packet.type() != buildkit::FilePacket::REQUEST) continue;
    if (packet.id() >= listing->entries.size())
      co_return invalid("output: the client asked for an unknown file");
    std::string path = directory + "/" + listing->entries[packet.id()].path();
    Result<> sent = co_await send_content(pool, call, std::move(path), packet.id());
    CO_TRY(sent);
  }
  Result<> farewell = co_await call->send(packet_of(buildkit::FilePacket::FINISH, 0));
  CO_TRY(farewell);
  call->close_sending();
  Result<std::optional<std::string>> end = co_await call->receive();
  CO_TRY(end);
  co_return Result<>();
}

}  // namespace stack::engine
