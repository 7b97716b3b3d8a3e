/** GPT-2. Source: Radford et al., 2019, Language Models are Unsupervised Multitask Learners. */
@NullMarked
package dev.lamina.models.gpt2;

import org.jspecify.annotations.NullMarked;
