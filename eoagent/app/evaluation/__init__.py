"""Evaluation: questions with known answers, asked and judged without a model."""
