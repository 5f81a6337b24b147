// Measures receiving an image's layers, compared to the floor: `igzip -dc | tar -x`, one pipe per layer, in parallel.
//
//   bench_unpack [--runs N] FOLDER LAYER.tar.gz...
//
// FOLDER: an empty folder on the file system to measure; both create their files there and remove them. Run as root
// on an idle machine, release build. Each run reads the layers from the page cache; ours also hashes both streams
// and keeps the blobs, like a pull.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/files.h"
#include "base/identity.h"
#include "base/process.h"
#include "images/archive/inflate.h"
#include "images/store/store.h"

namespace stack::bench {
namespace {

struct LayerFile {
  std::string path;
  images::BlobDescriptor blob;
  std::string diff_id;
};

// Passes the pieces of the file to `take`.
Result<> read_pieces(const std::string& path, const std::function<Result<>(std::string_view)>& take) {
  TRY_ASSIGN(Fd file, open_file(path, O_RDONLY));
  std::string buffer(size_t{256} << 10, '\0');
  for (;;) {
    ssize_t n = ::read(file.get(), buffer.data(), buffer.size());
    if (n < 0) return Error::last_errno("read " + path);
    if (n == 0) return {};
    TRY(take({buffer.data(), static_cast<size_t>(n)}));
  }
}

Result<LayerFile> describe(const std::string& path) {
  LayerFile out{path, {}, ""};
  Sha256 blob;
  Sha256 tar;
  std::unique_ptr<images::Inflater> inflater;
  TRY(read_pieces(path, [&](std::string_view bytes) -> Result<> {
    blob.update(bytes);
    out.blob.size += static_cast<int64_t>(bytes.size());
    if (!inflater) {
      TRY_ASSIGN(inflater, images::make_inflater(bytes));
    }
    return inflater->push(bytes, [&](std::string_view piece) -> Result<> {
      tar.update(piece);
      return {};
    });
  }));
  out.blob.digest = "sha256:" + blob.finish_hex();
  out.diff_id = "sha256:" + tar.finish_hex();
  return out;
}

Result<> receive(images::ImageStore& store, const LayerFile& layer) {
  TRY_ASSIGN(std::unique_ptr<images::LayerIngest> ingest, store.begin_layer(layer.blob, layer.diff_id));
  TRY(read_pieces(layer.path, [&](std::string_view bytes) { return ingest->write(bytes); }));
  TRY_ASSIGN(images::IngestedLayer made, ingest->commit());
  return {};
}

double seconds_of(const std::function<void()>& work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void fail(const Error& error) {
  std::fprintf(stderr, "bench_unpack: %s\n", error.text().c_str());
  std::exit(1);
}

double measure_ours(const std::string& folder, const std::vector<LayerFile>& layers) {
  std::string root = folder + "/store";
  Result<std::unique_ptr<images::ImageStore>> store = images::ImageStore::open(root);
  if (!store) fail(store.error());
  double taken = seconds_of([&] {
    std::vector<std::thread> threads;
    for (const LayerFile& layer : layers)
      threads.emplace_back([&] {
        Result<> done = receive(**store, layer);
        if (!done) fail(done.error());
      });
    for (std::thread& thread : threads) thread.join();
  });
  store->reset();
  (void)remove_tree(root);
  return taken;
}

double measure_floor(const std::string& folder, const std::vector<LayerFile>& layers) {
  std::string script;
  for (size_t i = 0; i < layers.size(); ++i) {
    std::string target = folder + "/floor-" + std::to_string(i);
    (void)ensure_directory(target);
    script += "(igzip -dc '" + layers[i].path + "' | tar -xpf - -C '" + target + "') & ";
  }
  double taken = seconds_of([&] {
    SpawnRequest request;
    request.program = "/bin/sh";
    request.args = {"-c", script + "wait"};
    Result<CapturedRun> run = run_captured(std::move(request));
    if (!run) fail(run.error());
  });
  for (size_t i = 0; i < layers.size(); ++i) (void)remove_tree(folder + "/floor-" + std::to_string(i));
  return taken;
}

void print_row(const char* name, std::vector<double> times) {
  std::sort(times.begin(), times.end());
  std::printf("%-8s median %6.2f s   best %6.2f s\n", name, times[times.size() / 2], times.front());
}

int run(int runs, const std::string& folder, const std::vector<std::string>& paths) {
  std::vector<LayerFile> layers;
  int64_t bytes = 0;
  for (const std::string& path : paths) {
    Result<LayerFile> layer = describe(path);
    if (!layer) fail(layer.error());
    bytes += layer->blob.size;
    layers.push_back(std::move(*layer));
  }
  std::printf("%zu layers, %.0f MB compressed\n", layers.size(), static_cast<double>(bytes) / 1e6);
  std::vector<double> ours;
  std::vector<double> floor;
  for (int i = 0; i < runs; ++i) {
    // Alternates the order: the second one finds memory that the first has just released, which the host of a
    // virtual machine need not provide again.
    for (bool ours_now : {i % 2 == 0, i % 2 != 0}) {
      if (ours_now) {
        ours.push_back(measure_ours(folder, layers));
      } else {
        floor.push_back(measure_floor(folder, layers));
      }
      ::sync();
    }
  }
  print_row("stack", ours);
  print_row("floor", floor);
  return 0;
}

}  // namespace
}  // namespace stack::bench

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  int runs = 3;
  if (words.size() > 1 && words[0] == "--runs") {
    runs = std::max(1, std::atoi(words[1].c_str()));
    words.erase(words.begin(), words.begin() + 2);
  }
  if (words.size() < 2) {
    std::fprintf(stderr, "usage: bench_unpack [--runs N] FOLDER LAYER.tar.gz...\n");
    return 2;
  }
  return stack::bench::run(runs, words[0], {words.begin() + 1, words.end()});
}
