/* styles.h - the folders of tests/golden/tokenizers: one style of tokenizer each */
#ifndef STYLES_H
#define STYLES_H

static const char *const styles[] = {
    "bert_cased", "bert_uncased", "bpe_no_unk", "bytelevel_trained_sequence_decoder", "class_gpt2_on_starcoder",
    "class_llama", "class_t5", "clip", "cohere", "config_bos_against_post_processor", "config_bos_no_post_processor",
    "deepseek_v3", "falcon", "flags_bert", "flags_bytelevel_lower", "flags_bytelevel_nfc", "flags_llama2",
    "flags_metaspace_always", "flags_metaspace_first", "flags_unigram", "gemma", "gemma_split", "gpt2",
    "gpt2_legacy_file", "gpt2_prefix_space", "kimi", "llama2", "llama3", "llama3_no_ignore_merges", "metaspace_always",
    "metaspace_first_split", "metaspace_legacy_fields", "metaspace_never", "mistral_metaspace_first", "neox", "o200k",
    "openai_gpt", "phi2", "phi3", "qwen2", "qwen35", "roberta", "split_inverted", "split_string_behaviors",
    "spm_bpe_unk", "starcoder", "string_merges_ascii_json", "tekken", "truncation_padding_pretty_json",
    "unigram_byte_fallback", "unigram_metaspace", "unigram_nfkc_whitespace_split", "unigram_nmt_nfkc",
    "unigram_precompiled_nmt", "unigram_precompiled_small"
};

#endif
