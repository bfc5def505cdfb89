// FFmpeg's C interface, plus what Swift cannot import: macros, and the callbacks that FFmpeg wants as C functions.
#pragma once
#include <fcntl.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const int32_t audioErrorAgain = AVERROR(EAGAIN);
static const int32_t audioErrorEndOfFile = AVERROR_EOF;
static const int32_t audioErrorInvalidData = AVERROR_INVALIDDATA;
static const int32_t audioErrorExit = AVERROR_EXIT;
static const int64_t audioNoTimestamp = AV_NOPTS_VALUE;
static const int64_t audioTimeBase = AV_TIME_BASE;
static const int32_t audioErrorRecognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
/// For a packet whose checksum the caller has verified.
static const int32_t audioErrorRecognitionChecked = AV_EF_EXPLODE;
static const int32_t audioCodecFlagSkipManual = AV_CODEC_FLAG2_SKIP_MANUAL;
static const int32_t audioSeekBackward = AVSEEK_FLAG_BACKWARD;
static const int32_t audioSeekByte = AVSEEK_FLAG_BYTE;

/// A file read through pread, of which everything from `end` on is hidden from the demuxer.
typedef struct AudioSource {
    int fd;
    int64_t position;
    int64_t end;
    /// Monotonic nanoseconds after which reads are refused; 0 = never.
    int64_t deadline;
    int timedOut;
    int failed;
} AudioSource;

static inline int64_t audio_monotonic_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int audio_source_read(void *opaque, uint8_t *buffer, int size) {
    AudioSource *source = (AudioSource *)opaque;
    if (source->deadline != 0 && audio_monotonic_nanoseconds() > source->deadline) {
        source->timedOut = 1;
        return AVERROR_EXIT;
    }
    int64_t left = source->end - source->position;
    if (left <= 0) return AVERROR_EOF;
    if (size > left) size = (int)left;
    ssize_t count;
    do {
        count = pread(source->fd, buffer, (size_t)size, source->position);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        source->failed = errno;
        return AVERROR(errno);
    }
    if (count == 0) return AVERROR_EOF;
    source->position += count;
    return (int)count;
}

static int64_t audio_source_seek(void *opaque, int64_t offset, int whence) {
    AudioSource *source = (AudioSource *)opaque;
    switch (whence & ~AVSEEK_FORCE) {
    case AVSEEK_SIZE: return source->end;
    case SEEK_SET: break;
    case SEEK_CUR: offset += source->position; break;
    case SEEK_END: offset += source->end; break;
    default: return AVERROR(EINVAL);
    }
    if (offset < 0) return AVERROR(EINVAL);
    source->position = offset;
    return offset;
}

/// The I/O context over `source`, or null when memory is short. Free with `audio_source_io_free`.
static inline AVIOContext *audio_source_io(AudioSource *source, int bufferBytes) {
    unsigned char *buffer = (unsigned char *)av_malloc((size_t)bufferBytes);
    if (buffer == NULL) return NULL;
    AVIOContext *io =
        avio_alloc_context(buffer, bufferBytes, 0, source, audio_source_read, NULL, audio_source_seek);
    if (io == NULL) av_free(buffer);
    return io;
}

static inline void audio_source_io_free(AVIOContext **io) {
    if (*io == NULL) return;
    av_freep(&(*io)->buffer);
    avio_context_free(io);
}

/// Opens a regular file for reading, with its size in bytes and its modification time in nanoseconds; -errno on failure, -EISDIR for anything that is no regular file.
static inline int audio_open_regular_file(const char *path, int64_t *size, int64_t *modified) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return -errno;
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -EISDIR;
    }
    *size = (int64_t)status.st_size;
    *modified = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec;
    return fd;
}

// FFmpeg's log: nothing reaches the terminal; the last error of a thread is kept as the reason of a failure.

static inline char *audio_log_buffer(void) {
    static _Thread_local char message[256];
    return message;
}

static void audio_log_callback(void *object, int level, const char *format, va_list arguments) {
    (void)object;
    if (level > AV_LOG_ERROR) return;
    char line[256];
    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\r\n")] = 0;
    if (line[0] != 0) memcpy(audio_log_buffer(), line, sizeof line);
}

static inline void audio_log_install(void) { av_log_set_callback(audio_log_callback); }

static inline void audio_log_clear(void) { audio_log_buffer()[0] = 0; }

static inline const char *audio_log_last(void) { return audio_log_buffer(); }
