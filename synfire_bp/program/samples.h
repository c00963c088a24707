// What a compiled circuit is shown: inputs (one byte a pixel), labels, and the order of samples.
// Opened from the command line (--samples DIRECTORY), so the same program serves any data.
// It also ends the run: after the last sample, or, when asked to stop, after the present one.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "network.h"

namespace synfire {

struct SampleStream {
    const uint8_t* inputs = nullptr;  // n x n_in, 0 or 1
    const int32_t* labels = nullptr;  // n
    const int32_t* order = nullptr;   // which sample is shown when
    int64_t n_samples = 0;            // how many are shown
    int64_t n_in = 0;
    int64_t n_phases = 0;
};

inline SampleStream stream;
inline std::atomic<bool> stop_requested{false};

inline void request_stop(int) { stop_requested = true; }

[[noreturn]] inline void fail(const std::string& message) {
    std::fprintf(stderr, "%s\n", message.c_str());
    std::exit(3);
}

inline const void* map_file(const std::string& path, int64_t& bytes) {
    const int file = ::open(path.c_str(), O_RDONLY);
    struct stat status;
    if (file < 0 || ::fstat(file, &status) != 0) fail("cannot read " + path);
    bytes = status.st_size;
    if (bytes == 0) fail(path + " is empty");
    const void* data = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) fail("cannot map " + path);
    ::close(file);
    return data;
}

// Takes "--samples DIRECTORY" off the arguments and opens what lies there.
inline void open_samples(std::vector<std::string>& args, int64_t n_in, int64_t n_phases) {
#ifdef __linux__
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // who started it reads what it leaves: nobody else will
#endif
    const auto flag = std::find(args.begin(), args.end(), "--samples");
    if (flag == args.end() || flag + 1 == args.end()) fail("--samples DIRECTORY is missing");
    const std::string directory = *(flag + 1);
    args.erase(flag, flag + 2);
    int64_t input_bytes = 0, label_bytes = 0, order_bytes = 0;
    stream.inputs = static_cast<const uint8_t*>(map_file(directory + "/inputs.u8", input_bytes));
    stream.labels = static_cast<const int32_t*>(map_file(directory + "/labels.i32", label_bytes));
    stream.order = static_cast<const int32_t*>(map_file(directory + "/order.i32", order_bytes));
    const int64_t n_labels = label_bytes / sizeof(int32_t);
    if (input_bytes != n_labels * n_in) fail("inputs.u8 and labels.i32 do not fit each other");
    stream.n_samples = order_bytes / sizeof(int32_t);
    for (int64_t k = 0; k < stream.n_samples; k++)
        if (stream.order[k] < 0 || stream.order[k] >= n_labels) fail("order.i32 names no sample");
    stream.n_in = n_in;
    stream.n_phases = n_phases;
    std::signal(SIGINT, request_stop);
    std::signal(SIGTERM, request_stop);
}

// Tells how many samples are done, at most ten times a second.
inline void report(int64_t done, bool last) {
    using clock = std::chrono::steady_clock;
    static clock::time_point before = clock::now();
    const clock::time_point now = clock::now();
    if (!last && now - before < std::chrono::milliseconds(100)) return;
    before = now;
    std::printf("%lld\n", static_cast<long long>(done));
    std::fflush(stdout);
}

// The position of the sample that is shown in a step; called once a step.
inline int64_t present_sample(int64_t step) {
    if (step <= 0) return -1;
    if (step % stream.n_phases == 0) {  // the last phase of a sample
        const int64_t done = step / stream.n_phases;
        const bool last = done == stream.n_samples || stop_requested;
        if (last || done % 64 == 0) report(done, last);
        if (last) Network::_globally_stopped = true;  // after this step
    }
    return (step - 1) / stream.n_phases;
}

inline int64_t input_pattern(int64_t sample, int64_t unit) {
    if (sample < 0) return 0;
    return stream.inputs[stream.order[sample] * stream.n_in + unit];
}

inline int64_t target_pattern(int64_t sample, int64_t unit) {
    if (sample < 0) return 0;
    return stream.labels[stream.order[sample]] == unit;
}

// An environment sees what the network answers, and keeps it: a row for each sample.
inline std::vector<uint8_t> answers;

inline int64_t n_fired(int64_t sample, int64_t n_out) {
    const uint8_t* fired = answers.data() + sample * n_out;
    return std::count(fired, fired + n_out, 1);
}

inline int64_t note_answer(
    int64_t sample, int64_t unit, int64_t n_out, int64_t fired, int64_t now) {
    if (!now || sample < 0 || sample >= stream.n_samples) return fired;
    if (answers.empty()) answers.resize(stream.n_samples * n_out);
    answers[sample * n_out + unit] = fired != 0;
    return fired;
}

// The unit that fired; one at random of several; of all if none did, or if it explores.
inline int64_t believed_answer(int64_t sample, int64_t n_out, int64_t drawn, int64_t explores) {
    if (sample < 0 || sample >= stream.n_samples || answers.empty()) return 0;
    const uint8_t* fired = answers.data() + sample * n_out;
    const int64_t n_among = n_fired(sample, n_out);
    const bool of_all = explores || n_among == 0;
    int64_t place = drawn / 1024 * (of_all ? n_out : n_among) / 16384;
    for (int64_t unit = 0; unit < n_out; unit++)
        if ((of_all || fired[unit]) && place-- == 0) return unit;
    return 0;
}

// Whether the answer is that of the network, which gave but one.
inline int64_t sure_answer(int64_t sample, int64_t explores) {
    if (explores || sample < 0 || sample >= stream.n_samples || answers.empty()) return 0;
    return n_fired(sample, static_cast<int64_t>(answers.size()) / stream.n_samples) == 1;
}

}  // namespace synfire

// Brian2 calls functions by a plain name.
using synfire::believed_answer;
using synfire::input_pattern;
using synfire::note_answer;
using synfire::present_sample;
using synfire::sure_answer;
using synfire::target_pattern;
